"""`reconciler status`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.options import FILES, LEDGER, format_option
from reconciler.cli.shell import Shell

if TYPE_CHECKING:
    from reconciler.ledger.journal import JournaledCall, RunRecord

_WORDS = {"done": "done", "refused": "refused", "not-sent": "not sent", "lost": "unknown", None: "unknown"}
_SHOWN = 20


@click.command()
@FILES
@LEDGER
@format_option("text", "json")
@click.pass_obj
def status(shell: Shell, /, format_: str, **given: Any) -> None:
    """Show what became of the last apply, from its journal: done, failed, unknown, and what to do.

    Needs no network. Calls that are unknown are looked up by the next apply.

    \b
    Example:
      reconciler status
    """
    from reconciler.cli.inputs import journal_of
    from reconciler.ledger.journal import last_run

    path = journal_of(**given)
    run = last_run(path)
    if format_ == "json":
        shell.document(_document(run))
    elif run is None:
        shell.data(f"There is no run yet: {path} does not exist.\n")
    else:
        shell.data("\n".join(_lines(run)) + "\n")


def _counts(run: RunRecord) -> dict[str, int]:
    counts = dict.fromkeys(("done", "refused", "not sent", "looked up since", "unknown"), 0)
    for kept in run.calls:
        counts[_word(run, kept)] += 1
    return counts


def _word(run: RunRecord, kept: JournaledCall) -> str:
    return "looked up since" if run.recovered and not kept.settled else _WORDS[kept.intent.outcome]


def _document(run: RunRecord | None) -> dict[str, Any]:
    if run is None:
        return {"run": None}
    calls = [
        {
            "call": kept.intent.kind,
            "operatorIds": list(kept.intent.operator_ids),
            "outcome": _word(run, kept),
            "message": kept.message,
        }
        for kept in run.calls
    ]
    head = {"id": run.id, "started": run.started, "company": run.company, "planned": run.planned}
    return {
        "run": {**head, "ended": run.ended, "credentials": run.credentials, "recovered": run.recovered},
        "calls": calls,
    }


def _lines(run: RunRecord) -> Iterator[str]:
    from reconciler.render.terminal import visible

    ended = run.ended or "it did not end by itself: killed, or still at work"
    yield f"Last apply for {visible(run.company)}, {run.started}: {ended}"
    counts = _counts(run)
    told = ", ".join(f"{number} {word}" for word, number in counts.items() if number) or "nothing was sent"
    yield f"{run.planned} calls planned; {told}."
    troubled = [
        kept for kept in run.calls if kept.intent.outcome != "done" and not (run.recovered and not kept.settled)
    ]
    for kept in troubled[:_SHOWN]:
        ids = ", ".join(visible(id_) for id_ in kept.intent.operator_ids[:5])
        more = f" and {len(kept.intent.operator_ids) - 5} more" if len(kept.intent.operator_ids) > 5 else ""
        yield f"! {_WORDS[kept.intent.outcome]}  {kept.intent.kind} {ids}{more}  {visible(kept.message)}".rstrip()
    if len(troubled) > _SHOWN:
        yield f"… and {len(troubled) - _SHOWN} more; --format json lists them all"
    yield _advice(run)


def _advice(run: RunRecord) -> str:
    if run.open_intents:
        return "Run apply again: it looks up what is unknown, tells the ledger, and goes on."
    if all(kept.intent.outcome == "done" for kept in run.calls) and len(run.calls) >= run.planned:
        return "Nothing to do."
    if run.recovered and run.ended.startswith("cut short"):
        return "Run plan to see what is left."
    return "Run apply again to go on from there."
