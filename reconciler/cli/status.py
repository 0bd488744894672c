"""`reconciler status`: tells from the journal what became of the last apply."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.options import books_options, format_option
from reconciler.cli.shell import Shell
from reconciler.core.model.message import Text, listed, text, verbatim
from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from reconciler.ledger.journal import JournaledCall, RunRecord

_OUTCOME_WORDS = {"done": "done", "refused": "refused", "not-sent": "not sent", "lost": "unknown", None: "unknown"}
_SHOWN = 20


@click.command()
@books_options
@format_option("text", "json")
@click.pass_obj
def status(shell: Shell, /, format_: str, **arguments: Any) -> None:
    """Show what became of the last apply, from its journal: done, failed, unknown, and what to do.

    The vendor is not asked. Calls that are unknown are looked up by the next apply. Each vendor has its own journal:
    without an endpoint it is the only one that is there. Where this machine has none, a remote ledger tells what is
    open; where another machine has left a run open there, it is named: who ran it, and since when. Agents that the
    ledger calls in doubt are named, with how to end that.

    \b
    Example:
      reconciler status
    """
    from reconciler.cli.inputs import place_of
    from reconciler.core.model.desired import Company
    from reconciler.ledger.books import remote_run, run_elsewhere
    from reconciler.ledger.journal import last_run
    from reconciler.ledger.ledger import read_ledger
    from reconciler.render.doubted import Doubted, doubted, doubted_document, doubted_lines
    from reconciler.render.terminal import visible

    place = place_of(**arguments)
    here, there, in_doubt = last_run(place.journal), None, list[Doubted]()
    try:
        with closing(place.store()) as store:
            there = remote_run(store)
            ledger = read_ledger(store, Company(""))
            in_doubt = doubted(ledger.view, ledger.untold)
    except ReconcilerError as error:
        if here is None and there is None:
            raise
        unread = text("what other machines left open cannot be read: {message}", message=error.message)
        shell.tell(unread if place.remote else text("who is in doubt cannot be told: {message}", message=error.message))
    run = here or there
    other = run_elsewhere(run, there)
    other = other if other and other.open_intents else None
    if format_ == "json":
        elsewhere = {"elsewhere": _head(other)} if other else {}
        shell.document({**_document(run), **elsewhere, **doubted_document(in_doubt)})
        return
    lines = [visible(text("There is no run yet: {path} does not exist.", path=place.journal))]
    if run is not None:
        lines = [*_lines(run, named=run is there), *([] if in_doubt and _is_over(run) else [_advice(run)])]
    lines += [visible(text("! {run}: the next apply looks them up", run=other.told_of))] if other else []
    lines += doubted_lines(in_doubt, color=shell.color)
    shell.data("\n".join(lines) + "\n")


def _counts(run: RunRecord) -> dict[str, int]:
    counts = dict.fromkeys(("done", "refused", "not sent", "looked up since", "unknown"), 0)
    for call in run.calls:
        counts[_outcome_word(run, call)] += 1
    return counts


def _outcome_word(run: RunRecord, call: JournaledCall) -> str:
    return "looked up since" if run.recovered and not call.settled else _OUTCOME_WORDS[call.intent.outcome]


def _document(run: RunRecord | None) -> dict[str, Any]:
    if run is None:
        return {"run": None}
    calls = [
        {
            "call": call.intent.kind,
            "operatorIds": list(call.intent.operator_ids),
            "outcome": _outcome_word(run, call),
            "message": call.message,
        }
        for call in run.calls
    ]
    return {"run": _head(run), "calls": calls}


def _head(run: RunRecord) -> dict[str, Any]:
    head = {"id": run.id, "started": run.started, "company": run.company, "planned": run.planned}
    head |= {"endpoint": run.endpoint} if run.endpoint else {}
    head |= {"who": run.who} if run.who else {}
    return {**head, "ended": run.ended, "credentials": run.credentials, "recovered": run.recovered}


def _lines(run: RunRecord, *, named: bool) -> Iterator[str]:
    from reconciler.render.terminal import visible

    ended = run.ended or text("it did not end by itself: killed, or still at work")
    whose = verbatim(run.company)
    if run.endpoint:
        whose = text("{company} at {endpoint}", company=whose, endpoint=run.endpoint)
    if named and run.who:
        whose = text("{company} by {who}", company=whose, who=run.who)
    yield visible(text("Last apply for {company}, {started}: {ended}", company=whose, started=run.started, ended=ended))
    counts = _counts(run)
    outcomes = ", ".join(f"{number} {word}" for word, number in counts.items() if number) or text("nothing was sent")
    yield text("{count} {count:call|calls} planned; {outcomes}.", count=run.planned, outcomes=outcomes)
    troubled = [
        call for call in run.calls if call.intent.outcome != "done" and not (run.recovered and not call.settled)
    ]
    for call in troubled[:_SHOWN]:
        intent = call.intent
        ids = listed(list(map(visible, intent.operator_ids)), 5)
        yield f"! {_OUTCOME_WORDS[intent.outcome]}  {intent.kind} {ids}  {visible(call.message)}".rstrip()
    if len(troubled) > _SHOWN:
        yield text("… and {more} more; --format json lists them all", more=len(troubled) - _SHOWN)


def _is_over(run: RunRecord) -> bool:
    """Whether the run did all that it planned, and the ledger knows."""
    return (
        not run.open_intents
        and len(run.calls) >= run.planned
        and all(each.intent.outcome == "done" for each in run.calls)
    )


def _advice(run: RunRecord) -> Text:
    if run.open_intents:
        return text("Run apply again: it looks up what is unknown, tells the ledger, and goes on.")
    if _is_over(run):
        return text("Nothing to do.")
    if run.recovered and run.ended.startswith("cut short"):
        return text("Run plan to see what is left.")
    return text("Run apply again to go on from there.")
