"""The live agents as desired-state files whose plan is empty, whatever the vendor holds.

What a file cannot say of an agent is left unmanaged for that agent, and told: a value that the field does not know,
half a surrogate pair, a SIP number that several agents hold. An agent whose very id cannot be written is protected.
What is never listed (role, skills, password) is not exported, and no secret is. The same agents give the same bytes.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.core.export.factor import Factored, Own, factor, label, unused
from reconciler.core.model.desired import Company
from reconciler.core.model.fields import KEY, LISTED, Value
from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.model.plan import Note
from reconciler.core.text import width
from reconciler.core.yaml.spelling import can_say, field_value, quoted, scalar, shown, writable

FILE: Final = "agents.yaml"
COMPANY_FILE: Final = "company.yaml"
SPLITTABLE: Final = tuple(row.name for row in LISTED if row.name not in ("name", "bindcode", "sipNumber", "email"))
"""The fields by whose values a company can be split into files."""

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
"""For a file that may not name everybody."""
_ROW: Final = 160
"""Columns of the longest agent that stands on one line, as in a table; a longer one has a line for each value."""
_LINE: Final = 100
"""Columns of the longest profile that stands on one line."""


@dataclass(frozen=True, slots=True)
class Exported:
    """The files' texts by their names, and what could not be said in them, with the agents that it is about."""

    files: Mapping[str, str]
    warnings: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Opening:
    """What a file begins with: the schema as seen from it, comments on where it comes from, keys below the company."""

    schema: str = _SCHEMA
    about: str = _ABOUT
    keys: str = ""


LIVE: Final = Opening()
"""That of an export."""


@dataclass(frozen=True, slots=True)
class _Said:
    """One agent: its values, spelt, and in words why others are missing."""

    values: Mapping[str, str]
    gaps: tuple[str, ...]


def export(live: LiveState, company: Company, opening: Opening = LIVE) -> Exported:
    """One file for the whole company. Raises `ValueError` for a company whose name cannot be written."""
    said, protected = _said(live)
    factored = factor([agent.values for agent in said.values()])
    head = _head(company, protected, opening)
    return Exported({FILE: head + _body(said, factored)}, _warnings(said, protected))


def stated(agents: Mapping[str, Mapping[str, Value]], company: Company, opening: Opening) -> str:
    """A file of agents, in their order, that manages exactly the given fields. Raises `ValueError` as `export` does."""
    said = {
        id_: _Said({name: field_value(name, value) for name, value in fields.items()}, ())
        for id_, fields in agents.items()
    }
    return _head(company, (), opening) + _body(said, factor([agent.values for agent in said.values()]))


def split(live: LiveState, company: Company, by: str) -> Exported:
    """A file for each value of the field `by`, and one for the company. Raises `ValueError` as `export` does.

    Each file has its own defaults and profiles, so that those who own it own all of it.
    """
    said, protected = _said(live)
    files = {COMPANY_FILE: _head(company, protected)}
    names: set[str] = {COMPANY_FILE.removesuffix(".yaml")}
    profiles: list[str] = []
    for value, agents in _by_value(said, by):
        stem = _file_name(value, by, names)
        factored = factor([agent.values for agent in agents.values()], profiles, stem)
        profiles += factored.profiles
        about = f"# {by}: {value}\n" if value else ""
        files[f"{stem}.yaml"] = f"{_schema_line(_SCHEMA)}{about}version: 1\n{_body(agents, factored)}"
    return Exported(files, _warnings(said, protected))


def _by_value(said: Mapping[str, _Said], by: str) -> Iterator[tuple[str, dict[str, _Said]]]:
    parts: dict[str, dict[str, _Said]] = defaultdict(dict)
    for operator_id, agent in said.items():
        parts[agent.values.get(by, "")][operator_id] = agent
    yield from sorted(parts.items())


_RESERVED: Final = re.compile("con|prn|aux|nul|com[0-9]|lpt[0-9]", re.IGNORECASE)
"""Names that no file can have on Windows, whatever their ending."""


def _file_name(value: str, by: str, used: set[str]) -> str:
    """A name for the file of a value as it is spelt: letters, digits and hyphens, told apart also without case."""
    kind = "group" if by == "mainGroupName" else by
    if value in ("", '""'):
        return unused(f"no-{kind}" if value else "others", used)
    name = label(unicodedata.normalize("NFKC", value))
    return unused(name if name and not _RESERVED.fullmatch(name) else f"{kind}-{name}".strip("-"), used)


# What can be said.


def _said(live: LiveState) -> tuple[dict[str, _Said], tuple[str, ...]]:
    """Every agent that can be written, by its id and in the order of ids; and the ids of the others."""
    ids = sorted(live.agents)
    holders: dict[Value, list[str]] = defaultdict(list)
    for operator_id in ids:
        if (number := live.agents[operator_id].fields.get("sipNumber")) is not None:
            holders[number].append(operator_id)
    said = {id_: _agent(live.agents[id_], holders) for id_ in ids if writable(id_)}
    return said, tuple(id_ for id_ in ids if not writable(id_))


def _agent(agent: LiveAgent, holders: Mapping[Value, list[str]]) -> _Said:
    values, gaps = {}, []
    for row in LISTED:
        value = agent.fields[row.name]
        others = holders.get(value, ()) if row.name == "sipNumber" else ()
        if not can_say(row, value):
            gaps.append(f"{row.name} is left alone: no file can say {shown(value)}")
        elif len(others) > 1:
            gaps.append(f"sipNumber is left alone: {len(others)} agents hold {shown(value)}")
        else:
            values[row.name] = field_value(row.name, value)
    return _Said(values, tuple(gaps))


def _warnings(said: Mapping[str, _Said], protected: tuple[str, ...]) -> tuple[Note, ...]:
    about: dict[str, list[str]] = defaultdict(list)
    for operator_id, agent in said.items():
        for gap in agent.gaps:
            about[gap].append(operator_id)
    if protected:
        about["an id that no file can say: protected, and not in the file"].extend(protected)
    return tuple(Note(message, tuple(ids)) for message, ids in about.items())


# Text.


def _schema_line(schema: str) -> str:
    return f"# yaml-language-server: $schema={schema}\n"


def _head(company: Company, protected: Iterable[str], opening: Opening = LIVE) -> str:
    id_ = "" if company.company_id is None else f", companyId: {company.company_id}"
    patterns = ", ".join(quoted(_pattern(operator_id)) for operator_id in protected)
    return (
        f"{_schema_line(opening.schema)}{opening.about}version: 1\n"
        f"company: {{abbreviate: {scalar(company.abbreviate)}{id_}}}\n{opening.keys}"
        + f"protect: [{patterns}]\n"
        * bool(patterns)
    )


def _pattern(operator_id: str) -> str:
    """A pattern that matches an id which cannot be written: `?` for what is no character."""
    return "".join(f"[{c}]" if c in "*?[" else c if writable(c) else "?" for c in operator_id)


def _body(said: Mapping[str, _Said], factored: Factored) -> str:
    sections = [
        _section("defaults", _lines(factored.defaults, "  ")),
        _section("profiles", (_profile(name, values) for name, values in factored.profiles.items())),
        _section("agents", (_entry(*item, own) for item, own in zip(said.items(), factored.agents, strict=True))),
    ]
    return "".join(filter(None, sections)) or "\nagents: []\n"


def _section(name: str, entries: Iterable[str]) -> str:
    text = "".join(entries)
    return f"\n{name}:\n{text}" if text else ""


def _profile(name: str, values: Mapping[str, str]) -> str:
    row = f"  {scalar(name)}: {_flow(values)}\n"
    return row if width(row) <= _LINE else f"  {scalar(name)}:\n" + "".join(_lines(values, "    "))


def _entry(operator_id: str, said: _Said, own: Own) -> str:
    """An agent of the list, and above it in comments what is left alone."""
    profile = {"profile": scalar(own.profile)} if own.profile else {}
    values = {KEY: quoted(operator_id), **profile, **own.values}
    row = f"  - {_flow(values)}\n"
    if width(row) > _ROW:
        row = "  - " + "".join(_lines(values, "    "))[4:]
    return "".join(f"  # {gap}\n" for gap in said.gaps) + row


def _flow(values: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name}: {text}" for name, text in values.items()) + "}"


def _lines(values: Mapping[str, str], indent: str) -> Iterator[str]:
    return (f"{indent}{name}: {text}\n" for name, text in values.items())
