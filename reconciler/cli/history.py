"""`reconciler history`: every apply, newest first: who, from where, which commit, and what became of each action."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime
from typing import Any, Final

import click

from reconciler.cli.options import OPERATOR_ID, books_options, format_option
from reconciler.cli.shell import Shell
from reconciler.core.model.message import text

KEYS: Final = ("run", "begun", "ended", "actor", "pipeline", "commit", "files", "digest", "exit_code", "actions")
_SHOWN: Final = 10
"""Actions of a run that the text lists; of one agent all are listed."""
_DATES: Final = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")


@click.command()
@books_options
@click.option(
    "--agent", type=OPERATOR_ID, metavar="ID", help="Only runs that did something to this agent, and only that."
)
@click.option("--since", metavar="DATE", type=click.DateTime(_DATES), help="Only runs from then on (UTC): 2026-11-22.")
@click.option(
    "--limit", type=click.IntRange(1), metavar="N", default=20, show_default=True, help="So many runs at most."
)
@format_option("text", "json")
@click.pass_obj
def history(
    shell: Shell, /, agent: str | None, since: datetime | None, limit: int, format_: str, **arguments: Any
) -> None:
    """Show every apply that had something to do, newest first, also one that died.

    Who ran it, from which pipeline and commit, and each action with what was before and after, and its outcome: done,
    partly, failed, skipped, or unknown. The vendor is not asked.

    \b
    Examples:
      reconciler history --agent 8001
      reconciler history --since 2026-11-01 --limit 100 --format json
    """
    from reconciler.cli.inputs import place_of

    with closing(place_of(**arguments).store()) as store:
        from reconciler.apply.history import newest_first

        records = list(_chosen(newest_first(store), agent, since, limit))
    if format_ == "json":
        shell.document({"runs": [{key: record.get(key) for key in KEYS} for record in records]})
    elif records:
        shell.data("\n".join(line for record in records for line in _lines(record, whole=agent is not None)) + "\n")
    else:
        words = text("No apply is recorded that fits.") if agent or since else text("No apply is recorded yet.")
        shell.data(words + "\n")


def _chosen(
    records: Iterator[dict[str, Any]], agent: str | None, since: datetime | None, limit: int
) -> Iterator[dict[str, Any]]:
    """Those that were asked for; no more records are read than that takes."""
    for record in records:
        if since is not None and record["begun"] < f"{since:%Y-%m-%dT%H:%M:%SZ}":
            return
        if agent is not None:
            actions = [action for action in record["actions"] if action["operatorId"] == agent]
            if not actions:
                continue
            record = {**record, "actions": actions}
        yield record
        limit -= 1
        if not limit:
            return


def _lines(record: Mapping[str, Any], *, whole: bool) -> Iterator[str]:
    from reconciler.render.terminal import visible

    actions = record["actions"]
    outcomes = Counter(action["outcome"] for action in actions)
    counts = ", ".join(f"{number} {outcome}" for outcome, number in outcomes.items())
    code = record.get("exit_code")
    ended = text("did not end") if code is None else text("exit {code}", code=code)
    did = text("{count} {count:action|actions}: {outcomes}", count=len(actions), outcomes=counts)
    yield visible(f"{record['begun']}  {record['actor']}  {did}  ({ended})")
    where: list[str] = [text("run {run}", run=record["run"])]
    where += [text("commit {commit}", commit=record["commit"][:12])] if record["commit"] else []
    yield visible(f"    {', '.join([*where, *([record['pipeline']] if record['pipeline'] else [])])}")
    for action in actions if whole else actions[:_SHOWN]:
        yield visible(f"    {_words(action)}")
    if not whole and len(actions) > _SHOWN:
        yield f"    {text('… and {more} more: --agent ID, or --format json', more=len(actions) - _SHOWN)}"


def _words(action: Mapping[str, Any]) -> str:
    before, after = action["before"], action["after"]
    names = dict.fromkeys((*before, *after))
    changes = [f"{name} {_value(before, name)} → {_value(after, name)}" for name in names]
    told = f"  {', '.join(changes)}" if changes else ""
    return f"{action['operatorId']}  {action['action']}  {action['outcome']}{told}"


def _value(values: Mapping[str, Any], name: str) -> str:
    return json.dumps(values[name], ensure_ascii=False) if name in values else "–"
