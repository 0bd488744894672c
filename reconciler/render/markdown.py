"""A plan as Markdown for the comment of a pull request: the verdict comes first, and any plan fits.

All text of the plan stands in code spans (`escape.code`), and no line begins with one. Nothing depends on when or where
the plan was made, so that a comment changes only when the plan does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.core.model.desired import Company
from reconciler.core.model.message import NOTHING, Text, counted, noun, text
from reconciler.core.model.plan import Guardrail, Note, Plan
from reconciler.core.model.recipient import recipient_label
from reconciler.core.saved.plan_json import digest
from reconciler.render.entries import ACTION_NOUNS, BLOCKED, actions, blocked_actions, row_of, table_of
from reconciler.render.escape import SENTENCE_CELLS, WHOLE, cell, code
from reconciler.render.heading import Heading
from reconciler.render.offline import NOT_HELD, UNKNOWN
from reconciler.render.policy import PolicyRow, policy_rows, policy_words
from reconciler.render.requests import span_in_words
from reconciler.render.room import Entry, Section, share_room
from reconciler.render.runs import id_spans
from reconciler.render.spelling import spelled_name

LIMIT: Final = 60_000
"""The most characters of the whole text; GitHub takes no comment of more than 65,536."""
_MAX_SPANS: Final = 20
_FEW: Final = 3
"""Recipients that one sentence names; more of them form a list."""
_SET_BY: Final = {
    "file": text("set in the file"),
    "flag": text("set by a flag, which overrides the file"),
    "default": text("the default"),
    "always": text("always in force"),
}
_TRIPPED: Final = noun("tripped guardrail|tripped guardrails")
_CHANGES: Final = noun("change|changes")
_SHARE_ROOM: Final = 600
"""Characters that are kept for the sentence that says how much is shown."""


def plan(plan: Plan, _heading: Heading) -> str:
    """The verdict, the obstacles, and as many of the actions as fit into `LIMIT` characters."""
    head, policy, pieces = list(_head(plan)), list(_policy_changes(plan)), list(_body(plan))
    sections = [*policy, *(piece for piece in pieces if isinstance(piece, Section))]
    texts = [*head, *(piece for piece in pieces if isinstance(piece, str))]
    share_room(sections, LIMIT - _SHARE_ROOM - sum(len(each) + 2 for each in texts))
    blocks = [block for piece in pieces for block in (piece.blocks() if isinstance(piece, Section) else [piece])]
    changed = [block for section in policy for block in section.blocks()]
    return "\n\n".join([*head[:2], *changed, *head[2:], *_share(plan, sections), *blocks]) + "\n"


def marker(company: Company) -> str:
    """The hidden first line of a company's comment, by which the comment is found again. It does not show the name."""
    name_hash = hashlib.sha256(company.abbreviate.encode("utf-8", "surrogatepass")).hexdigest()
    return f"<!-- reconciler:plan:{name_hash[:12]} -->"


def _head(plan: Plan) -> Iterator[str]:
    yield marker(plan.company)
    yield _verdict(plan)
    company = code(plan.company.abbreviate)
    desired = text("{count:,} {count:agent|agents} desired", count=plan.desired_agents)
    if plan.offline:
        words = "Company {company}, by the files alone: {desired}. **{not_held}**: {unknown}."
        yield text(words, company=company, desired=desired, not_held=NOT_HELD, unknown=UNKNOWN)
    else:
        words = "Company {company} at {at}: {desired}, {live:,} live, {in_scope:,} in scope."
        at, live = code(plan.endpoint, SENTENCE_CELLS), plan.live_agents
        yield text(words, company=company, at=at, desired=desired, live=live, in_scope=plan.in_scope)
    yield _counts(plan)


def _share(plan: Plan, sections: Sequence[Section]) -> Iterator[str]:
    """How much of the plan is shown."""
    if not plan.actions:
        return
    of_actions = [section for section in sections if section.noun in ACTION_NOUNS]
    shown = sum(section.shown for section in of_actions)
    total = counted(len(plan.actions), _CHANGES)
    if shown == len(plan.actions):
        yield text("Shown here: all of the plan, {total}.", total=total)
        return
    left = [
        text("{left:,} of {all}", left=section.total - section.shown, all=counted(section.total, section.noun))
        for section in of_actions
        if section.shown < section.total
    ]
    words = "**Shown here: {shown:,} of {total}.** Not shown: {left}."
    yield text(words, shown=shown, total=total, left=", ".join(left))


def _body(plan: Plan) -> Iterator[str | Section]:
    if plan.refused:
        yield text("> [!CAUTION]\n> Nothing of this may be applied as it stands.")
    tripped = [guardrail for guardrail in plan.guardrails if not guardrail.ok]
    if tripped:
        yield Section(0, _TRIPPED, len(tripped), map(_tripped, tripped), firm=True)
    yield from _policy(plan)
    yield from _in_force(plan)
    yield from _recipients(plan)
    yield from blocked_actions(plan)
    yield from actions(plan)
    if plan.notes:
        yield Section(4, noun("note|notes"), len(plan.notes), map(_note, plan.notes))
    yield from _footer(plan)


def _policy_changes(plan: Plan) -> Iterator[Section]:
    """What the change of the files does to the policy."""
    rows = policy_rows(plan)
    if rows:
        table = table_of(text("| Policy | Before | After |"))
        entries = (entry for row in rows for entry in _policy_entries(row))
        yield Section(-1, noun("change of the policy|changes of the policy"), len(rows), entries, table, firm=True)


def _policy_entries(row: PolicyRow) -> Iterator[Entry]:
    """A line for a key; more of them for long lists, so that a part of one can be shown."""
    mark, file = text("<br>⚠ **loosens**") if row.loosens else "", f"<br>{cell(row.file, WHOLE)}" if row.file else ""
    last = (max(len(row.before), len(row.after)) - 1) // _MAX_SPANS
    for number in range(last + 1):
        part = slice(number * _MAX_SPANS, (number + 1) * _MAX_SPANS)
        values = ("<br>".join(cell(each, WHOLE) for each in texts[part]) for texts in (row.before, row.after))
        yield int(number == last), (row_of((f"{row.key}{mark}{file}", *values)),)


def _policy(plan: Plan) -> Iterator[str]:
    """The policy in force, in one small line."""
    words = [f"{key} {code(value, WHOLE)}" for key, value in policy_words(plan)]
    if words:
        yield text("<sub>Policy: {words}.</sub>", words="; ".join(words))


def _recipients(plan: Plan) -> Iterator[str | Section]:
    """Who can read new credentials: all of them, since a stranger may be one of many."""
    readers = [code(spelled_name(recipient_label(recipient)), WHOLE) for recipient in plan.recipients]
    if len(readers) > _FEW:
        yield Section(
            0,
            noun("reader of new passwords|readers of new passwords"),
            len(readers),
            ((1, (f"- {reader}",)) for reader in readers),
        )
    elif readers:
        yield text("New passwords are delivered encrypted, for {readers} to read.", readers=", ".join(readers))


def _verdict(plan: Plan) -> str:
    tripped = sum(not guardrail.ok for guardrail in plan.guardrails)
    rails, blocked = counted(tripped, _TRIPPED), counted(len(plan.blocked), BLOCKED)
    drift = sum(action.origin == "drift" for action in plan.actions)
    if tripped and plan.blocked:
        verdict = text("Refused: {rails} and {blocked}", rails=rails, blocked=blocked)
    elif tripped or plan.blocked:
        verdict = text("Refused: {reasons}", reasons=rails if tripped else blocked)
    elif not plan.actions:
        verdict = text("Nothing to change")
    else:
        verdict = counted(len(plan.actions), _CHANGES)
        verdict = text("{verdict}, {drift:,} of drift", verdict=verdict, drift=drift) if drift else verdict
    if loosening := sum(row.loosens for row in policy_rows(plan)):
        looser = "{verdict}, and a looser policy in {points:,} {points:point|points}"
        verdict = text(looser, verdict=verdict, points=loosening)
    return f"### {verdict}"


def _counts(plan: Plan) -> str:
    counts = {**plan.summary, text("API calls"): len(plan.calls), text("fewest possible"): plan.fewest_calls}
    if plan.offline:
        del counts["blocked"]
    return "\n".join((row_of(counts), "|" + "---:|" * len(counts), row_of(f"{count:,}" for count in counts.values())))


# Guardrails, notes, and how to go on


def _limit(guardrail: Guardrail) -> Text:
    limit = f"{code(guardrail.rule)} {code(guardrail.limit)}"
    return text("{limit}, {set_by}", limit=limit, set_by=_SET_BY[guardrail.set_by])


def _tripped(guardrail: Guardrail) -> Entry:
    words = "- Limit {limit}: {planned:,} planned, {allowed:,} allowed"
    return 1, (
        text(words, limit=_limit(guardrail), planned=guardrail.planned, allowed=guardrail.allowed),
        text("  Counted: {ids}", ids=_ids(guardrail.operator_ids)),
        text("  What to do: {hint}", hint=code(guardrail.hint, SENTENCE_CELLS)),
    )


def _ids(ids: Sequence[str]) -> str:
    spans = id_spans(ids)
    shown = ", ".join(code(each, WHOLE) for each, _ in spans[:_MAX_SPANS])
    more = sum(count for _, count in spans[_MAX_SPANS:])
    return text("{names} and {more:,} more", names=shown, more=more) if more else shown


def _in_force(plan: Plan) -> Iterator[str]:
    """The limits in force that do not trip, in one small line."""
    kept = [guardrail for guardrail in plan.guardrails if guardrail.ok]
    words = "{limit} ({planned:,} planned, {allowed:,} allowed)"
    limits = [text(words, limit=_limit(rail), planned=rail.planned, allowed=rail.allowed) for rail in kept[:_MAX_SPANS]]
    limits += [text("{more:,} more", more=len(kept) - _MAX_SPANS)] if len(kept) > _MAX_SPANS else []
    limits += [text("`--allow-replace`, set by a flag")] if plan.allow_replace else []
    if limits:
        yield text("<sub>In force: {limits}.</sub>", limits="; ".join(limits))


def _note(note: Note) -> Entry:
    ids = f": {_ids(note.operator_ids)}" if note.operator_ids else ""
    return 1, (text("- Note: {message}{ids}", message=code(note.message, SENTENCE_CELLS), ids=ids),)


def _footer(plan: Plan) -> Iterator[str]:
    if plan.offline:
        return
    plan_digest = digest(plan)
    yield text("Digest: `{digest}`", digest=plan_digest)
    if plan.actions and not plan.refused:
        span = span_in_words(plan.expires_in)
        until = text(", for as long as a review of it holds ({span})", span=span) if plan.expires_in else NOTHING
        exactly = text("To apply exactly this or nothing{until}:", until=until)
        yield f"{exactly}\n\n```\nreconciler apply --expect {plan_digest}\n```"
