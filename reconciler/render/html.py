"""A plan as one HTML page to be opened from disk: it holds all that it needs, loads nothing, and works without scripts.

Two things keep foreign text from having an effect. The template engine passes every text through `_made_visible`, which
shows hidden characters, and then escapes it, so that no line of the template can forget to. And the page's own policy
lets the browser use only the script and the style that have its hashes.

The import of this module raises `ImportError` where the extra `html` is not installed.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from reconciler.core.model.message import Text, text
from reconciler.core.model.plan import Guardrail, Plan
from reconciler.core.model.recipient import recipient_label
from reconciler.core.saved.plan_json import digest
from reconciler.render.heading import Heading
from reconciler.render.offline import NOT_HELD, SENTENCE, UNKNOWN
from reconciler.render.policy import policy_heading, policy_rows, policy_words
from reconciler.render.requests import duration_in_words, requests_in_words, span_in_words
from reconciler.render.rows import KINDS, PlanRow, RowKind, rows_by_kind
from reconciler.render.runs import id_spans
from reconciler.render.spelling import spelled_name
from reconciler.render.terminal import visible

_SET_BY: Final = {
    "file": text("set in the file"),
    "flag": text("set by a flag"),
    "default": text("by default"),
    "always": text("always on"),
}


def plan(plan: Plan, heading: Heading) -> str:
    """The HTML page. The same plan and heading give the same bytes."""
    sections = rows_by_kind(plan.actions)
    groups = _groups(sections)
    page = _template().render(
        plan=plan,
        heading=heading,
        digest="" if plan.offline else digest(plan),
        readers=[recipient_label(recipient) for recipient in plan.recipients],
        verdict=_verdict(plan),
        policy_rows=policy_rows(plan),
        policy_heading=policy_heading,
        in_force=policy_words(plan),
        made=heading.created_at.replace("T", " ").replace("Z", " UTC"),
        expires=span_in_words(plan.expires_in),
        requests="; ".join(filter(None, (requests_in_words(plan), duration_in_words(plan, heading.rate)))),
        bars=list(_bars(plan)),
        limits=[_Limit.of(guardrail) for guardrail in plan.guardrails],
        reasons=_reasons(sections),
        sections=sections,
        kinds=KINDS,
        groups=groups,
        group_number={name: number for number, (name, _) in enumerate(groups)},
        origins=_origins(sections),
    )
    return f"{page.rstrip()}\n"


@cache
def _template() -> Template:
    """The page's template, with its style, its script, and the policy with the hashes of both."""
    style, script = _resource("page.css"), _resource("page.js")
    policy = {
        "default-src": "'none'",
        "style-src": _hash(style),
        "script-src": _hash(script),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, finalize=_made_visible, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["number"] = "{:,}".format
    environment.filters["spans"] = lambda ids: [span for span, _ in id_spans(ids)]
    environment.filters["spelled"] = spelled_name
    environment.globals |= {
        "text": _markup,
        "style": Markup(style),  # noqa: S704 - a file of this package
        "script": Markup(script),  # noqa: S704 - a file of this package
        "policy": Markup("; ".join(f"{name} {value}" for name, value in policy.items())),  # noqa: S704 - as above
    }
    return environment.from_string(_resource("plan.html.j2"))


def _resource(name: str) -> str:
    return files("reconciler.render").joinpath("page", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _made_visible(value: object) -> object:
    """The value with hidden characters made visible; the engine escapes it afterwards."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _markup(template: str, /, **values: object) -> Markup:
    """A message in the page. Values that are markup or numbers stay so; the others are made visible and escaped."""
    kept = {name: value if isinstance(value, int) else escape(_made_visible(value)) for name, value in values.items()}
    words = text(template, **kept)
    return Markup(words)  # noqa: S704 - a literal of the page, with values that are escaped


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Whether the plan may be applied, in a word and a sentence, and the obstacles. `tone` is a class of the style."""

    tone: str
    word: Text
    sentence: Text
    obstacles: tuple[Text, ...] = ()


def _verdict(plan: Plan) -> _Verdict:
    if plan.refused:
        tripped = [rail for rail in plan.guardrails if not rail.ok]
        words = "{rule}: {planned:,} planned, {allowed:,} allowed"
        obstacles = [text(words, rule=each.rule, planned=each.planned, allowed=each.allowed) for each in tripped]
        obstacles += [text("{count:,} blocked", count=len(plan.blocked))] if plan.blocked else []
        obstacles += [SENTENCE] if plan.offline else []
        nothing = text("Nothing of this may be applied as it stands.")
        return _Verdict("refused", text("Refused"), nothing, tuple(obstacles))
    if plan.offline:
        return _Verdict("nothing", NOT_HELD, text("{unknown}.", unknown=f"{UNKNOWN[0].upper()}{UNKNOWN[1:]}"))
    if not plan.actions:
        as_desired = text("{count:,} {count:agent is|agents are} as desired.", count=plan.unchanged)
        return _Verdict("nothing", text("Nothing to change"), as_desired)
    return _Verdict("good", text("May be applied"), text("Nothing is blocked, and every guardrail holds."))


@dataclass(frozen=True, slots=True)
class _Bar:
    """One bar of the chart; `width` is in percent of the highest count, that of unchanged agents apart."""

    kind: str
    sign: str
    count: int
    width: float


def _bars(plan: Plan) -> Iterator[_Bar]:
    counts = plan.summary
    highest = max(counts[kind] for kind in KINDS) or 1
    for kind, (sign, _) in KINDS.items():
        width = round(100 * counts[kind] / highest, 1)
        yield _Bar(kind, sign, counts[kind], max(width, 2.0) if counts[kind] else 0.0)
    yield _Bar("unchanged", "=", counts["unchanged"], 0.0)


@dataclass(frozen=True, slots=True)
class _Limit:
    """A guardrail's meter: `width` is the planned count and `mark` the allowed one, in percent of the meter."""

    rail: Guardrail
    set_by: str
    width: float
    mark: float

    @classmethod
    def of(cls, rail: Guardrail) -> _Limit:
        full = max(rail.planned, rail.allowed, 1)
        return cls(rail, _SET_BY[rail.set_by], round(100 * rail.planned / full, 1), round(100 * rail.allowed / full, 1))


_Sections = list[tuple[RowKind, list[PlanRow]]]


def _reasons(sections: _Sections) -> dict[str, list[str]]:
    """The reasons of blocked actions, each with the ids of its agents."""
    ids_by_reason: dict[str, list[str]] = {}
    for row in dict(sections).get("blocked", []):
        ids_by_reason.setdefault(row.action.blocked, []).extend(row.row.ids)
    return ids_by_reason


def _groups(sections: _Sections) -> list[tuple[str, int]]:
    """The main groups as the page shows them, each with its number of actions. Agents without a group come last."""
    counts: Counter[str] = Counter()
    for row in (row for _, rows in sections for row in rows):
        counts[spelled_name(row.action.group)] += row.count
    return sorted(counts.items(), key=lambda group: (group[0] == "", group[0]))


def _origins(sections: _Sections) -> list[str]:
    origins = {origin for _, rows in sections for row in rows for origin in row.origins}
    return [origin for origin in ("change", "drift") if origin in origins]
