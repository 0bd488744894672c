"""Files to the desired state: parse, check against the schema and the rules across agents, take the values."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, Final, NamedTuple

from reconciler.core.desired.packed import PackedAgent, unpacked_agent
from reconciler.core.desired.problems import schema_problems
from reconciler.core.desired.resolve import Base, ResolvedAgent, is_template, resolve
from reconciler.core.desired.rules import IN_ONE_FILE, RULES
from reconciler.core.desired.schema import key_gate
from reconciler.core.model.desired import Company, DesiredState, Limit, Removal
from reconciler.core.model.fields import CANON, KEY, Value
from reconciler.core.model.problem import Content, Problem
from reconciler.core.yaml.document import Document, parse, peek_value
from reconciler.core.yaml.nodes import Mapping

Problems = tuple[Problem, ...]


def read_desired(file: str, data: bytes, *, pure: bool = False) -> tuple[DesiredState | None, Problems]:
    """One file to a desired state, or `None` and every problem found, sorted by place."""
    return read_files(((file, data),), pure=pure)


def read_files(files: Iterable[tuple[str, Content]], *, pure: bool = False) -> tuple[DesiredState | None, Problems]:
    """Several files to one desired state, or `None` and every problem found, sorted by place.

    Each file has a name and its bytes, or the problem that keeps it from being read. Places show the name, and
    password files are seen from its folder.
    """
    parsed = parse_files(files, pure=pure)
    return (None, parsed.problems) if parsed.problems else (desired_state(parsed), ())


def peek_company(data: bytes) -> Company | None:
    """The company of a file, read without parsing the rest; `None` unless a valid one comes before the agents."""
    company: Any = peek_value(data, "company", frozenset(("agents", "pools")))
    return _company(company) if key_gate("company")(company) else None


@dataclass(frozen=True, slots=True)
class ParsedFiles:
    """Parsed and checked files: their documents, the agents these resolve to, and all problems, sorted by place."""

    documents: tuple[Document, ...]
    agents: tuple[ResolvedAgent, ...]
    problems: Problems


def parse_files(files: Iterable[tuple[str, Content]], *, pure: bool = False) -> ParsedFiles:
    """Parse, check and resolve files. The rules across agents run only if every file can be parsed."""
    files = tuple(files)
    found = _parsed(files, pure=pure)
    if not found.problems:
        return found
    problems = _diagnosed(files, found, pure=pure)
    return replace(found, problems=problems)


def _diagnosed(files: tuple[tuple[str, Content], ...], found: ParsedFiles, *, pure: bool) -> Problems:
    # Imported here because a good file needs none of what knows slips.
    from reconciler.core.desired.diagnosis import Checked, diagnosed

    def checked(parsed: ParsedFiles) -> Checked:
        return Checked(frozenset(document.file for document in parsed.documents), parsed.problems)

    return diagnosed(files, checked(found), lambda mended: checked(_parsed(mended, pure=pure)), pure=pure)


def _parsed(files: Iterable[tuple[str, Content]], *, pure: bool) -> ParsedFiles:
    results = [(None, (data,)) if isinstance(data, Problem) else parse(file, data, pure=pure) for file, data in files]
    syntax_problems = [problem for _, problems in results for problem in problems]
    documents = tuple(document for document, _ in results if document is not None)
    agents = resolve(documents)
    broken = {problem.place for problem in syntax_problems}  # a second problem of a broken value is noise
    later = [problem for document in documents for problem in schema_problems(document)]
    if len(documents) == len(results):
        told = {problem.place for problem in later}  # a value that is wrong anyway is not told for its quotes too
        by_rules = (problem for rule in RULES for problem in rule(documents, agents))
        later += [problem for problem in by_rules if problem.code != "full-width" or problem.place not in told]
    problems = [*syntax_problems, *(problem for problem in later if not problem.path or problem.place not in broken)]
    return ParsedFiles(documents, agents, tuple(sorted(problems, key=lambda problem: problem.place)))


def desired_state(parsed: ParsedFiles) -> DesiredState:
    """The desired state of files without problems; its agents are sorted by id."""
    return replace(state_without_agents(parsed), agents=tuple(map(unpacked_agent, packed_agents(parsed))))


def state_without_agents(parsed: ParsedFiles) -> DesiredState:
    """The desired state of files without problems, with no agents in it."""
    documents = parsed.documents
    root: dict[str, Any] = {key: value for document in documents for key, value in document.root.items()}
    guardrails = root.get("guardrails", {})
    scope = root.get("scope")
    return DesiredState(
        company=_company(root["company"]),
        agents=(),
        files=tuple(document.file for document in documents),
        sha256=_sha256(documents),
        scope=tuple(scope[KEY]) if scope else None,
        prune=root.get("prune", True),
        protect=tuple(root.get("protect", ())),
        max_deletes=_limit(guardrails.get("maxDeletes")),
        max_changes=_limit(guardrails.get("maxChanges")),
        lookalikes=guardrails.get("lookalikes"),
        recipients=tuple(root.get("recipients", ())),
        max_passwords=_limit(guardrails.get("maxPasswords")),
        on_remove=_removal(root.get("onRemove", "delete")),
        set_in={key: document.file for document in documents for key in document.root if key in IN_ONE_FILE},
    )


def _removal(value: str | Mapping) -> Removal:
    if isinstance(value, str):
        return Removal(disable=value == "disable")
    return Removal(disable=True, wait=str(value["disable"]))


def _company(node: Mapping) -> Company:
    values: Any = node
    return Company(values["abbreviate"], values.get("companyId"))


def _sha256(documents: tuple[Document, ...]) -> str:
    """The digest of one file, or a digest of several that does not depend on their order."""
    digests = sorted(document.sha256 for document in documents)
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _limit(value: int | str | None) -> Limit | None:
    return None if value is None else Limit(str(value))


class _ManagedValues(NamedTuple):
    """The canonical values of the managed fields, and what a `PasswordSource` is made of."""

    fields: dict[str, Value]
    password: tuple[Any, ...] | None


def _overlaid(document: Document, node: dict[str, Any], below: _ManagedValues) -> _ManagedValues:
    """The values of `node`, over those of the layers below. Only numbers need `canon`: other values are canonical."""
    fields = {**below.fields, **node}
    for name in _KEYS_WITHOUT_FIELD:
        fields.pop(name, None)
    for name, value in node.items():
        if value.__class__ is int:
            fields[name] = CANON[name](value)
    return _ManagedValues(fields, _password(document, node["password"]) if "password" in node else below.password)


_KEYS_WITHOUT_FIELD: Final = (KEY, "profile", "password", "from", "to", "except")
_NO_VALUES: Final = _ManagedValues({}, None)


def packed_agents(parsed: ParsedFiles) -> Iterator[PackedAgent]:
    """The agents of files without problems, sorted by id.

    Shared values are computed once: those of a base, and those of a pool except for texts with `{operatorId}`.
    """
    values_of: dict[Base, _ManagedValues] = {}
    own: Mapping | None = None
    for agent in sorted(parsed.agents, key=attrgetter("operator_id")):
        if agent.own is not own:  # the next agent of a list, or the first of a pool
            own, (line, column) = agent.own, agent.position
            below = values_of.get(agent.base) or values_of.setdefault(agent.base, _values_of_base(agent.base))
            shared, password = _overlaid(agent.document, own, below)
            templates = [name for name in own if is_template(name, own[name])] if agent.from_pool else []
        fields = {**shared, **{name: CANON[name](agent.value(name)) for name in templates}} if templates else shared
        yield PackedAgent(agent.operator_id, fields, password, agent.document.file, line, column)


def _values_of_base(base: Base) -> _ManagedValues:
    values = _NO_VALUES
    for layer in base.layers:
        values = _overlaid(layer.document, layer.node, values)
    return values


def _password(document: Document, source: Any) -> tuple[Any, ...]:
    """The arguments of the `PasswordSource`."""
    version = source["version"]
    if "env" in source:
        return ("env", source["env"], version)
    if "file" in source:
        return ("file", source["file"], version, posixpath.dirname(document.file))
    return ("generate", "", version)
