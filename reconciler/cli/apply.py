"""`reconciler apply`."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from reconciler.cli.options import connection_options, format_option, guardrail_options
from reconciler.cli.shell import Shell
from reconciler.errors import ReconcilerError, Refused

if TYPE_CHECKING:
    from reconciler.cli.inputs import Inputs
    from reconciler.client import Transport
    from reconciler.core.model import Event, Plan, Report
    from reconciler.credentials import CredentialsFile
    from reconciler.executor import Hands


@click.command()
@connection_options
@guardrail_options
@format_option("text", "json")
@click.option("--auto-approve", "--yes", "-y", is_flag=True, help="Do not ask.")
@click.option(
    "--credentials",
    type=click.Path(path_type=Path),
    envvar="RECONCILER_CREDENTIALS",
    show_envvar=True,
    help="Where new credentials go.  [default: .reconciler/credentials-<UTC time>.jsonl]",
)
@click.option(
    "--events", type=click.Path(path_type=Path), metavar="FILE", help="Append a JSON line there for each call."
)
@click.pass_obj
def apply(
    shell: Shell,
    /,
    format_: str,
    auto_approve: bool,
    credentials: Path | None,
    events: Path | None,
    **options: Any,
) -> None:
    """Make the live agents as the file says.

    Plans, shows the plan, asks, carries it out, and reads the result back. One agent's failure does not stop the
    others; running apply again goes on from there.

    Exits with 0 when everything is done and was seen to be, 3 when nothing was done on purpose, 4 when a part was
    done, 1 when nothing was.

    \b
    Examples:
      reconciler apply
      reconciler apply --auto-approve --events events.jsonl
    """
    from reconciler.cli.inputs import Options, gather, now, read_plan
    from reconciler.client import connected
    from reconciler.credentials import CredentialsFile, resolve
    from reconciler.render import text

    chosen = Options(**options)
    inputs = gather(chosen, shell)
    with connected(inputs.connection) as transport:
        planned = read_plan(inputs, transport, shell)
        (shell.say if format_ == "json" else shell.data)(text.plan(planned, inputs.heading))
        _refuse_or_go_on(planned)
        if not planned.actions:
            _finish(shell, inputs, planned, None)
            return
        private = [chosen.token_file] if chosen.token_file else []
        passwords = resolve(planned.actions, os.environ, private)
        _ask(shell, planned, auto_approve=auto_approve)
        path = credentials or chosen.folder / f"credentials-{now():%Y%m%dT%H%M%SZ}.jsonl"
        with closing(CredentialsFile(path, now)) as delivered:
            report = _carry_out(shell, inputs, transport, planned, passwords, delivered, events)
    if delivered.used:
        shell.say(f"New credentials are in {path}: hand them over, then delete the file.")
    _finish(shell, inputs, planned, report)


def _refuse_or_go_on(planned: Plan) -> None:
    if planned.refused:
        trips = [guardrail.rule for guardrail in planned.guardrails if not guardrail.ok]
        reasons = [f"guardrail {rule}" for rule in trips]
        reasons += [f"{len(planned.blocked)} blocked"] if planned.blocked else []
        raise Refused(f"nothing was done: {', '.join(reasons)}", "the plan above says why, and how to go on")


def _ask(shell: Shell, planned: Plan, *, auto_approve: bool) -> None:
    from reconciler.render.terminal import visible

    if auto_approve:
        return
    if not shell.asks:
        raise Refused("nothing was done: there is no terminal to ask on", "pass --auto-approve if the plan is reviewed")
    count = len(planned.actions)
    company = visible(planned.company.abbreviate)
    sys.stderr.write(f"Apply {count} action{'s' * (count != 1)} to {company}? Only 'yes' goes on: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != "yes":
        raise Refused("nothing was done: not approved")


def _carry_out(
    shell: Shell,
    inputs: Inputs,
    transport: Transport,
    planned: Plan,
    passwords: Any,
    delivered: CredentialsFile,
    events: Path | None,
) -> Report:
    """Run the calls, keep the books, read back."""
    from reconciler.client import Writer
    from reconciler.core.model import Report
    from reconciler.core.report import mismatches, results
    from reconciler.executor import Hands

    if passwords:
        delivered.open()
    _save(inputs)  # a ledger that cannot be written is known before anything is sent
    writer = Writer(transport, inputs.desired.company)
    hands = Hands(writer, inputs.ledger, delivered, passwords, inputs.connection.parallelism)
    with _interruptible(shell) as stop:
        ended = _run(shell, planned, hands, events, stop)
        _save(inputs)
        outcome = results(planned, ended)
        if stop.is_set():
            return Report(outcome, interrupted=True)
    again = _read_back(shell, inputs, transport)
    if again is None:
        return Report(outcome)
    return Report(outcome, mismatches(outcome, again), verified=True)


def _run(shell: Shell, planned: Plan, hands: Hands, events: Path | None, stop: threading.Event) -> list[Event]:
    from reconciler.cli.progress import Progress
    from reconciler.executor import execute

    ended: list[Event] = []
    with _events_file(events) as log, Progress(shell, "applying") as progress:
        for event in execute(planned.calls, hands, stop):
            ended.append(event)
            progress.update(len(ended), len(planned.calls))
            if log is not None:
                log.write(_event_line(event))
    return ended


def _save(inputs: Inputs) -> None:
    try:
        inputs.ledger.save()
    except OSError as error:
        message = f"the ledger {inputs.ledger.path} cannot be written: {error.strerror}"
        raise ReconcilerError(message, "mend that and run apply again") from None


def _read_back(shell: Shell, inputs: Inputs, transport: Transport) -> Plan | None:
    from reconciler.cli.inputs import read_plan
    from reconciler.errors import VendorError
    from reconciler.render.terminal import visible

    try:
        return read_plan(inputs, transport, shell)
    except VendorError as error:
        shell.say(f"warning: {visible(error.message)}")
        return None


@contextmanager
def _interruptible(shell: Shell) -> Iterator[threading.Event]:
    """SIGINT and SIGTERM set the event: nothing new is started. A second one leaves at once."""
    stop = threading.Event()

    def handle(_number: int, _frame: object) -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()
        shell.say("stopping: waiting for what is in flight; once more leaves at once")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _events_file(path: Path | None) -> Iterator[IO[str] | None]:
    if path is None:
        yield None
        return
    try:
        stream = path.open("a", encoding="utf-8", buffering=1)
    except OSError as error:
        raise ReconcilerError(f"the events file {path} cannot be written: {error.strerror}") from None
    with stream:
        yield stream


def _event_line(event: Event) -> str:
    from reconciler.cli.inputs import now

    at = now().strftime("%Y-%m-%dT%H:%M:%SZ")
    line = {"at": at, "call": event.call.kind, "operatorIds": event.call.operator_ids, "outcome": event.outcome}
    return json.dumps({**line, "message": event.message}) + "\n"


def _finish(shell: Shell, inputs: Inputs, planned: Plan, report: Report | None) -> None:
    from reconciler.core.model import Report as Nothing
    from reconciler.render import json as as_json
    from reconciler.render import text

    if report is not None and not shell.json:
        shell.data(text.report(report, color=shell.color))
    report = report or Nothing((), verified=True)
    if shell.json:
        document = {"format": "reconciler.report/1", "plan": as_json.plan_document(planned, inputs.heading)}
        shell.document({**document, **as_json.report(report)})
    raise click.exceptions.Exit(report.exit_code)
