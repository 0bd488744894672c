"""What became of an apply as text for people: a report, and agents that moved since a review. Alike is told once."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Final

from reconciler.core.model.diff import FieldChange
from reconciler.core.model.message import Text, text
from reconciler.core.model.outcome import StaleAgent
from reconciler.core.model.report import ActionResult, Mismatch, Report
from reconciler.render.alike import ID_IN_TEXT, grouped, without_id
from reconciler.render.runs import id_spans, one_span
from reconciler.render.spelling import spelled_id, spelled_name, spelled_pair
from reconciler.render.terminal import paint, visible
from reconciler.render.text import wrapped

_OUTCOMES: Final[Mapping[str, Text]] = {
    "partly": text("partly done"),
    "failed": text("failed"),
    "skipped": text("not tried"),
}
_AGAIN: Final = text("Run apply again")
_DOUBTFUL: Final = (
    "Read back: every agent of the plan is as desired. {count} {count:agent|agents} may be somebody else's: look into "
    "the console, and run plan to see."
)
_SHOWN: Final = 5
"""Ids and spans of ids that a note names."""


def stale_agents(agents: Sequence[StaleAgent], *, color: bool = False) -> str:
    """The agents that are no longer as they were reviewed: what changed, from which value to which."""
    lines: list[str] = []
    for alike in grouped(agents, lambda agent: (without_id(agent.message, agent.operator_id), agent.changes)):
        ids = [agent.operator_id for agent in alike]
        lines += told(paint(text("! moved"), "bad", color=color), ids, f"  {_common(alike[0].message, ids)}")
        lines += _changes(alike[0].changes, text("reviewed"), text("now"))
    return "\n".join(lines) + "\n"


def report(report: Report, *, color: bool = False, again: Text = _AGAIN) -> str:
    """What an apply did: actions that were not done, each with the reason, then mismatches, warnings and the count.

    `again` says how to go on if something is left to do.
    """
    left = [result for result in report.results if result.outcome != "done"]
    lines = [line for alike in grouped(left, _failed_alike) for line in _failure(alike, color)]
    for mismatches in grouped(report.mismatches, _mismatched_alike):
        first, ids = mismatches[0], [mismatch.operator_id for mismatch in mismatches]
        kind = text("! in doubt") if first.in_doubt else text("! unasked") if first.unasked else text("! not so")
        head = paint(kind, "bad", color=color)
        lines += told(head, ids, f"  {_common(first.message, ids)}")
        turned = [FieldChange(each.field, each.after, each.before) for each in first.changes]
        lines += _changes(turned, text("should be") if first.unasked else text("wanted"), text("is"))
    lines += [visible(text("warning: {warning}", warning=warning)) for warning in report.warnings]
    applied = text("Applied {done} of {total} {total:action|actions}.", done=report.done, total=len(report.results))
    lines.append(paint(applied, "bold", color=color))
    if report.drifted:
        words = (
            "Note: {count:,} other {count:agent differs|agents differ} from the files by now, changed by somebody "
            "meanwhile: {named}. Run plan to see."
        )
        spans = [span for span, _ in id_spans(report.drifted)]
        named = f"{', '.join(spans[:_SHOWN])}{' …' if len(spans) > _SHOWN else ''}"
        lines.append(text(words, count=len(report.drifted), named=named))
    lines.append(_verdict(report, color, again))
    return "\n".join(lines) + "\n"


def _failed_alike(result: ActionResult) -> Hashable:
    return result.outcome, without_id(result.message, result.action.operator_id)


def _mismatched_alike(mismatch: Mismatch) -> Hashable:
    return mismatch.in_doubt, mismatch.unasked, without_id(mismatch.message, mismatch.operator_id), mismatch.changes


def _common(message: str, ids: Sequence[str]) -> str:
    """The message of agents that are alike, with all their ids where it holds the first one's."""
    parts = without_id(message, ids[0])
    one = ids[0] if len(ids) == 1 else one_span(ids) or ID_IN_TEXT
    return visible(one.join(parts) if isinstance(parts, tuple) else message)


def told(head: str, ids: Sequence[str], after: str, kind: str = "") -> Iterator[str]:
    """The head with the agents and what follows them; agents that are no span have lines of their own."""
    if len(ids) == 1:
        yield f"{head}  {kind}{spelled_id(ids[0])}{after}".rstrip()
    elif span := one_span(ids):
        yield f"{head}  {kind}{span} ({len(ids):,}){after}"
    else:
        yield f"{head}  {kind}{text('{count:,} agents', count=len(ids))}{after}"
        yield from wrapped([span for span, _ in id_spans(ids)])


def _changes(changes: Sequence[FieldChange], before: Text, after: Text) -> Iterator[str]:
    for change in changes:
        was, now = (value.short for value in spelled_pair(change.before, change.after))
        yield f"      {change.field}: {before} {was}, {after} {now}"


def _failure(alike: Sequence[ActionResult], color: bool) -> Iterator[str]:
    """What was not done for one reason, which stands behind the agents of one kind, or before those of several."""
    head = paint(f"! {_OUTCOMES[alike[0].outcome]}", "bad", color=color)
    reason = f"      {_common(alike[0].message, [result.action.operator_id for result in alike])}"
    kinds = grouped(alike, lambda result: result.action.kind)
    if len(kinds) == 1:
        yield from _of_kind(head, alike)
        yield reason
        return
    yield f"{head}  {text('{count} {count:action|actions}', count=len(alike))}"
    yield reason
    for kind in kinds:
        yield from _of_kind("    ", kind)


def _of_kind(head: str, alike: Sequence[ActionResult]) -> Iterator[str]:
    name = f" {spelled_name(alike[0].action.name)}" if len(alike) == 1 else ""
    yield from told(head, [result.action.operator_id for result in alike], name, f"{alike[0].action.kind} ")


def _verdict(report: Report, color: bool, again: Text) -> str:
    if report.exit_code == 0:
        words = text("Read back: every agent of the plan is as desired.")
        if report.everybody and not report.drifted:
            words = text("Read back: every agent is as desired.")
        return paint(words, "good", color=color)
    if report.interrupted:
        return text("Interrupted: what was in flight is recorded. {again} to go on from here.", again=again)
    if not report.verified:
        return text("The result could not be read back. Run plan to see what is left.")
    count = len({mismatch.operator_id for mismatch in report.mismatches if not mismatch.in_doubt})
    if count:
        differ = "Read back: {count} {count:agent is|agents are} not as the vendor said. Run plan to see."
        if any(mismatch.unasked for mismatch in report.mismatches):
            differ = (
                "Read back: {count} {count:agent is|agents are} not as it should be. Put back in the console what "
                "changed unasked, or write those fields into the file and apply it."
            )
        return text(differ, count=count)
    if report.mismatches and report.done == len(report.results):
        return text(_DOUBTFUL, count=len({mismatch.operator_id for mismatch in report.mismatches}))
    return text("{again} to go on from here, once the cause is mended.", again=again)
