"""The live agents as desired-state files whose plan is empty, whatever the vendor holds.

A value that no file can express stays unmanaged for its agent, and a warning says so: a value that the field does not
know, half a surrogate pair, a text that is too long, digits that a spreadsheet has spoilt, a SIP number that several
agents hold. An agent whose id no file may hold is protected, since an id cannot be renamed; ids that look alike are
allowed to. Fields that are never listed (role, skills, password) are not exported, nor is any secret. The same agents
give the same bytes.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.core.export.factor import Factored, FactoredAgent, factor, slug, unused_name
from reconciler.core.model.desired import Company, DesiredState, Removal, matches
from reconciler.core.model.fields import BY_NAME, KEY, LISTED, Value
from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.model.message import Text, text
from reconciler.core.model.operator_id import MAX_ID, alike, unfit_id
from reconciler.core.model.plan import Note
from reconciler.core.text import width
from reconciler.core.yaml.spelling import ascii_excerpt, field_value, is_expressible, quoted, scalar, writable

FILE: Final = "agents.yaml"
COMPANY_FILE: Final = "company.yaml"
SPLITTABLE: Final = tuple(row.name for row in LISTED if row.name not in ("name", "bindcode", "sipNumber", "email"))
"""The fields by which a company's agents can be split into files."""

_SCHEMA: Final = "../schemas/agents.schema.json"
_ABOUT: Final = (
    "# The agents as they were live. Written by `reconciler export`; now it is yours to edit.\n"
    "# 导出时的现有坐席；此后请直接编辑此文件。\n"
)
KEEPS_ALL: Final = (
    "\n# Nobody is deleted as long as this is false, whoever is missing from this file. Set it to true and look at\n"
    "# `reconciler plan`, which changes nothing: leave it true once it deletes only those who should go.\n"
    "# 为 false 时不删除任何坐席，此文件没写全也无妨。改为 true 后先看 reconciler plan 会删除谁，确认无误再保留。\n"
    "prune: false\n"
)
"""Keys of a file that may not name every live agent."""
_MAX_AGENT_WIDTH: Final = 160
_MAX_PROFILE_WIDTH: Final = 100
"""Columns of a line that is none too long."""
_MOST_TOO_LONG: Final = 0.1
"""The share of agents whose lines may be too long before all of a file have a line for each value."""


@dataclass(frozen=True, slots=True)
class Exported:
    """The files' texts by name, and warnings that say what they cannot express of which agents."""

    files: Mapping[str, str]
    warnings: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class FileHeader:
    """The head of a file: the path of the schema from there, comments on its source, and keys below the company."""

    schema: str = _SCHEMA
    about: str = _ABOUT
    keys: str = ""


EXPORT_HEADER: Final = FileHeader(keys=KEEPS_ALL)
"""The head of exported files: who is missing is deleted only once people say so."""


@dataclass(frozen=True, slots=True)
class _SpelledAgent:
    """One agent as a file can express it: its values as they are spelt, and why others are missing, in words."""

    values: Mapping[str, str]
    gaps: tuple[Text, ...]


def export(live: LiveState, company: Company, header: FileHeader = EXPORT_HEADER) -> Exported:
    """One file for the whole company.

    Raises:
        ValueError: the company's abbreviation cannot be written.
    """
    agents, protected = _spelled_agents(live)
    factored = factor([agent.values for agent in agents.values()])
    head = _head(company, protected, header, _count_alike(agents))
    return Exported({FILE: head + _body(agents, factored)}, _warnings(agents, protected))


def agents_file(agents: Mapping[str, Mapping[str, Value]], company: Company, header: FileHeader) -> str:
    """A file of agents, in their order, that manages exactly the given fields.

    Raises:
        ValueError: the company's abbreviation cannot be written.
    """
    spelled = {
        id_: _SpelledAgent({name: field_value(name, value) for name, value in fields.items()}, ())
        for id_, fields in agents.items()
    }
    return _head(company, (), header) + _body(spelled, factor([agent.values for agent in spelled.values()]))


def split_by_field(live: LiveState, company: Company, by: str, header: FileHeader = EXPORT_HEADER) -> Exported:
    """A file for each value of the field `by`, and one for the company.

    Each file has its own defaults and profiles, so that no change of one file changes agents of another.

    Raises:
        ValueError: the company's abbreviation cannot be written.
    """
    agents, protected = _spelled_agents(live)
    files = {COMPANY_FILE: _head(company, protected, header, _count_alike(agents))}
    names: set[str] = {COMPANY_FILE.removesuffix(".yaml")}
    profiles: list[str] = []
    for value, part in _by_value(agents, by):
        stem = _file_name(value, by, names)
        factored = factor([agent.values for agent in part.values()], profiles, stem)
        profiles += factored.profiles
        about = f"# {by}: {value}\n" if value else ""
        files[f"{stem}.yaml"] = f"{_schema_line(header.schema)}{about}version: 1\n{_body(part, factored)}"
    return Exported(files, _warnings(agents, protected))


def _by_value(agents: Mapping[str, _SpelledAgent], by: str) -> Iterator[tuple[str, dict[str, _SpelledAgent]]]:
    parts: dict[str, dict[str, _SpelledAgent]] = defaultdict(dict)
    for operator_id, agent in agents.items():
        parts[agent.values.get(by, "")][operator_id] = agent
    yield from sorted(parts.items())


_RESERVED: Final = re.compile("con|prn|aux|nul|com[0-9]|lpt[0-9]", re.IGNORECASE)
"""Names that Windows gives no file, whatever the ending."""


def _file_name(value: str, by: str, used: set[str]) -> str:
    """A name for the file of a spelt value: letters, digits and hyphens, unique without regard to case."""
    kind = "group" if by == "mainGroupName" else by
    if value in ("", '""'):
        return unused_name(f"no-{kind}" if value else "others", used)
    name = slug(unicodedata.normalize("NFKC", value))
    return unused_name(name if name and not _RESERVED.fullmatch(name) else f"{kind}-{name}".strip("-"), used)


# Agents as files spell them.


def _spelled_agents(live: LiveState) -> tuple[dict[str, _SpelledAgent], tuple[str, ...]]:
    """Every agent whose id can be written, by id and sorted; and the ids of the others."""
    ids = sorted(live.agents)
    holders: dict[Value, list[str]] = defaultdict(list)
    for operator_id in ids:
        if (number := live.agents[operator_id].fields.get("sipNumber")) is not None:
            holders[number].append(operator_id)
    agents = {id_: _agent(live.agents[id_], holders) for id_ in ids if is_expressible(BY_NAME[KEY], id_)}
    return agents, tuple(id_ for id_ in ids if id_ not in agents)


def _agent(agent: LiveAgent, holders: Mapping[Value, list[str]]) -> _SpelledAgent:
    values, gaps = {}, []
    for row in LISTED:
        value = agent.fields[row.name]
        sharing = holders.get(value, ()) if row.name == "sipNumber" else ()
        if not is_expressible(row, value):
            unsaid = "{field} is left alone: no file can say {value}"
            gaps.append(text(unsaid, field=row.name, value=ascii_excerpt(value)))
        elif len(sharing) > 1:
            shared = "sipNumber is left alone: {count} {count:agent holds|agents hold} {value}"
            gaps.append(text(shared, count=len(sharing), value=ascii_excerpt(value)))
        else:
            values[row.name] = field_value(row.name, value)
    return _SpelledAgent(values, tuple(gaps))


def unprotected(desired: DesiredState, live: LiveState) -> Iterator[Note]:
    """What to add to `protect`: the live agents whose ids no file may hold, and that the desired state would remove."""
    for operator_id in sorted(live.agents) if desired.prune else ():
        in_scope = desired.scope is None or matches(desired.scope, operator_id)
        if in_scope and not is_expressible(BY_NAME[KEY], operator_id) and not matches(desired.protect, operator_id):
            fault, pattern = unfit_id(operator_id), quoted(_pattern(operator_id))
            message = "the id {fault}: not in the file; add {pattern} to protect, or {consequence}"
            unfit = text(message, fault=fault, pattern=pattern, consequence=_consequence(desired.on_remove))
            yield Note(unfit, (operator_id,), "unfit-id")


def _consequence(removal: Removal) -> Text:
    if removal.wait:
        return text("an apply disables the agent, and one later than {wait} after it deletes it", wait=removal.wait)
    return text("an apply disables the agent") if removal.disable else text("an apply deletes the agent")


def _warnings(agents: Mapping[str, _SpelledAgent], protected: tuple[str, ...]) -> tuple[Note, ...]:
    found: dict[tuple[str, Text], list[str]] = defaultdict(list)
    for operator_id, agent in agents.items():
        for gap in agent.gaps:
            found["left-unmanaged", gap].append(operator_id)
    for operator_id in protected:
        unfit = "the id {fault}: protected, and not in the file; an id cannot be renamed"
        found["unfit-id", text(unfit, fault=unfit_id(operator_id))].append(operator_id)
    if twins := sorted({id_ for pair in alike(agents) for id_ in pair}):
        message = text("these ids look alike, and the file allows it: are all of them in use?")
        found["lookalikes-exported", message] = twins
    return tuple(Note(message, tuple(ids), code) for (code, message), ids in found.items())


# Text.


def _schema_line(schema: str) -> str:
    """The line that editors look for; none for a schema that is nowhere."""
    return f"# yaml-language-server: $schema={schema}\n" if schema else ""


def _count_alike(ids: Iterable[str]) -> int:
    return sum(1 for _ in alike(ids))


def _head(company: Company, protected: Iterable[str], header: FileHeader = EXPORT_HEADER, lookalikes: int = 0) -> str:
    id_ = "" if company.company_id is None else f", companyId: {company.company_id}"
    patterns = ", ".join(quoted(_pattern(operator_id)) for operator_id in protected)
    return (
        f"{_schema_line(header.schema)}{header.about}version: 1\n"
        f"company: {{abbreviate: {scalar(company.abbreviate)}{id_}}}\n{header.keys}"
        + f"protect: [{patterns}]\n" * bool(patterns)
        + f"guardrails: {{lookalikes: {lookalikes}}}\n" * bool(lookalikes)
    )


def _pattern(operator_id: str) -> str:
    """A pattern that matches an id which cannot be written, with `?` for each character that cannot be.

    Of an id that is too long it has the beginning.
    """
    beginning = "".join(f"[{c}]" if c in "*?[" else c if writable(c) else "?" for c in operator_id[:MAX_ID])
    return beginning + "*" * (len(operator_id) > MAX_ID)


def _body(agents: Mapping[str, _SpelledAgent], factored: Factored) -> str:
    sections = [
        _section("defaults", _lines(factored.defaults, "  ")),
        _section("profiles", _profiles(factored.profiles)),
        _section("agents", _entries(agents, factored.agents)),
    ]
    return "".join(filter(None, sections)) or "\nagents: []\n"


def _section(name: str, entries: Iterable[str]) -> str:
    lines = "".join(entries)
    return f"\n{name}:\n{lines}" if lines else ""


def _profiles(profiles: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """The profiles, all in one style: each on one line, or if one is too long for that, each with a line a value."""
    rows = [f"  {scalar(name)}: {_flow(values)}\n" for name, values in profiles.items()]
    if all(width(row) <= _MAX_PROFILE_WIDTH for row in rows):
        return iter(rows)
    return (f"  {scalar(name)}:\n" + "".join(_lines(values, "    ")) for name, values in profiles.items())


def _entries(agents: Mapping[str, _SpelledAgent], factored: Iterable[FactoredAgent]) -> Iterator[str]:
    """The agents' entries, below comments on the fields that stay unmanaged; all in one style."""
    entries = [
        {KEY: quoted(operator_id), **({"profile": scalar(own.profile)} if own.profile else {}), **own.values}
        for operator_id, own in zip(agents, factored, strict=True)
    ]
    rows = [f"  - {_flow(values)}\n" for values in entries]
    if sum(width(row) > _MAX_AGENT_WIDTH for row in rows) > _MOST_TOO_LONG * len(rows):
        rows = ["  - " + "".join(_lines(values, "    "))[4:] for values in entries]
    for agent, row in zip(agents.values(), rows, strict=True):
        yield "".join(f"  # {gap}\n" for gap in agent.gaps) + row


def _flow(values: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name}: {value}" for name, value in values.items()) + "}"


def _lines(values: Mapping[str, str], indent: str) -> Iterator[str]:
    return (f"{indent}{name}: {value}\n" for name, value in values.items())
