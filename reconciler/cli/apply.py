"""`reconciler apply`: plans or loads a saved plan, asks, carries it out and exits with what became of it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from reconciler.cli.options import (
    EXPIRES_IN,
    PASSWORD_ENV,
    REPORT,
    SECRETS_DIR,
    connection_options,
    format_option,
    full_digest,
    guardrail_options,
)
from reconciler.cli.shell import Shell
from reconciler.core.model.message import Text, joined, text
from reconciler.errors import Declined, ReconcilerError, StalePlan, WrongUsage
from reconciler.files.collector import collector_paused
from reconciler.files.outputs import check_outputs, refuse_unwritable
from reconciler.files.system import HANGUP, INTERRUPTS

if TYPE_CHECKING:
    from reconciler.apply.goal import Goal
    from reconciler.apply.refresh import Refreshed, Session
    from reconciler.cli.inputs import Options
    from reconciler.core.model.outcome import Event
    from reconciler.core.model.plan import Plan
    from reconciler.core.model.report import Report
    from reconciler.credentials.delivery import CredentialsFile
    from reconciler.files.plan_file import SavedPlan
    from reconciler.render.heading import Heading


@click.command()
@click.argument("planfile", required=False, type=click.Path(path_type=Path))
@connection_options
@guardrail_options
@EXPIRES_IN
@PASSWORD_ENV
@SECRETS_DIR
@click.option(
    "--expect",
    metavar="DIGEST",
    callback=full_digest,
    help="Apply only the plan that has this digest, or the file that has this seal.",
)
@format_option("text", "json")
@click.option(
    "--read-back",
    type=click.Choice(["touched", "all"]),
    default="touched",
    show_default=True,
    help="Whom to look at afterwards: those whom the plan touches, where that takes fewer calls, or everybody.",
)
@click.option("--auto-approve", "--yes", "-y", is_flag=True, help="Do not ask.")
@click.option(
    "--credentials",
    type=click.Path(path_type=Path),
    envvar="RECONCILER_CREDENTIALS",
    show_envvar=True,
    help="Where new credentials go.  [default: credentials-<UTC time>.jsonl beside the ledger, encrypted: .age]",
)
@click.option(
    "--events", type=click.Path(path_type=Path), metavar="FILE", help="Append a JSON line there for each call."
)
@REPORT
@click.pass_obj
def apply(
    shell: Shell,
    /,
    planfile: Path | None,
    expect: str | None,
    format_: str,
    auto_approve: bool,
    credentials: Path | None,
    events: Path | None,
    read_back: str,
    **arguments: Any,
) -> None:
    """Make the live agents as the file says, or do exactly what a saved plan says.

    Plans, shows the plan, asks, carries it out, and reads the result back. One agent's failure does not stop the
    others; running apply again goes on from there, also after a kill.

    With PLANFILE (of `plan --out`), the desired-state file is not read: that plan is applied as it was reviewed, once.
    It is refused when an agent that it touches has changed since, and what changed is shown; other agents do not
    matter. Give -f as to `plan`: it says where the books lie. With --expect, the plan made now must have the digest
    that was reviewed (give the flags of `plan`), or PLANFILE its seal: then every byte of it is what was reviewed.

    Exits with 0 when everything is done and was seen to be, 3 when nothing was done on purpose, 4 when a part was
    done, 1 when nothing was.

    \b
    Examples:
      reconciler apply
      reconciler apply plan.json --auto-approve
      reconciler apply --expect "$DIGEST" --auto-approve --events events.jsonl
    """
    from reconciler.apply.refresh import refresh
    from reconciler.apply.run import refuse_unkept
    from reconciler.cli.inputs import Options, new_credentials_file, open_session, plan_heading
    from reconciler.cli.progress import Progress
    from reconciler.render.text import plan as plan_text

    shell.forgive_streams()
    options, stop = Options(**arguments), threading.Event()
    _refuse_outputs(shell, options, planfile, credentials, events)
    unreleased: list[ReconcilerError] = []
    with ExitStack() as held:
        with collector_paused():
            goal = held.enter_context(_goal(options, planfile))
            opened = held.enter_context(open_session(options, goal, stop, os.environ))
            session = replace(opened, everybody=read_back == "all")
            held.enter_context(_locked(shell, session, unreleased))
            with Progress(shell, text("reading"), text("live agents")) as progress, _stale_agents_shown(shell):
                refreshed = refresh(session, progress.update)
        credentials_file = held.enter_context(closing(new_credentials_file(session, credentials)))
        _recover(shell, session, refreshed, credentials_file)
        heading = plan_heading(options, goal.saved, color=shell.color)
        (shell.say if format_ == "json" else shell.data)(plan_text(refreshed.plan, heading))
        _refuse_unfit(refreshed.plan, expect, goal.saved)
        refuse_unkept(session, refreshed.plan, credentials_file)
        run = (shell, options, session, refreshed, credentials_file, events, stop)
        report = _ask_and_carry_out(*run, auto_approve=auto_approve)
    _say_where(shell, credentials_file)
    report = replace(report, warnings=(*report.warnings, *(joined((each.message, each.hint)) for each in unreleased)))
    _finish(shell, heading, refreshed.plan, report, text("Plan anew") if goal.saved else text("Run apply again"))


def _refuse_outputs(
    shell: Shell, options: Options, planfile: Path | None, credentials: Path | None, events: Path | None
) -> None:
    try:
        inputs = (planfile, options.token_file, options.ca_file)
        check_outputs((events, shell.output), options.files, inputs, credentials=credentials)
        if shell.output is not None:
            refuse_unwritable(shell.output)
    except ReconcilerError:
        shell.output = None  # the error is not to be kept there either
        raise


@contextmanager
def _goal(options: Options, planfile: Path | None) -> Iterator[Goal]:
    """The goal that the files set, or the saved plan, which must not have expired and brings its own limits."""
    from reconciler.apply.goal import SavedPlanGoal
    from reconciler.cli.inputs import files_goal
    from reconciler.clock import now
    from reconciler.core.model.desired import Policy
    from reconciler.files.plan_file import load_plan

    if planfile is None:
        with files_goal(options) as goal:
            yield goal
        return
    if options.policy != Policy():
        raise WrongUsage(
            "clashing-options",
            text("a saved plan is applied as it is"),
            text("limits, targets, excludes and --expires-in belong to plan --out"),
        )
    saved = load_plan(planfile)
    if saved.expired(now()):
        expired = "nothing was done: the plan is out of its time: made at {made}, expired at {end}"
        message = text(expired, made=saved.created_at, end=saved.expires_at)
        raise Declined("plan-expired", message, text("plan anew, and have that reviewed"))
    if not options.ledger:
        _refuse_unsaid_books(saved.plan)
    yield SavedPlanGoal(saved)


def _refuse_unsaid_books(plan: Plan) -> None:
    """Raise `Declined` where only the plan, which anybody can have sealed, says in which folder the books lie."""
    if click.get_current_context().get_parameter_source("files") is not ParameterSource.DEFAULT:
        return
    folders = {Path(file).parent.resolve() for file in plan.files}
    if folders and Path(os.path.commonpath(folders)) != Path.cwd():
        message = text(
            "nothing was done: the plan was made from {files}, and nothing says where the books lie",
            files=plan.files[0],
        )
        raise Declined(
            "no-ledger",
            message,
            text("give -f as it was given to plan, or --ledger: a plan file does not decide that"),
        )


def _recover(shell: Shell, session: Session, refreshed: Refreshed, credentials_file: CredentialsFile) -> None:
    """Tell what earlier runs left open, and write down what became of it."""
    from reconciler.apply.refresh import recovery_lines
    from reconciler.apply.run import record_recovery

    shell.in_doubt = [(each.operator_id, each.message) for each in refreshed.findings if each.left_alone]
    for words in recovery_lines(refreshed):
        shell.tell(words)
    record_recovery(session, refreshed, credentials_file)


@contextmanager
def _locked(shell: Shell, session: Session, unreleased: list[ReconcilerError]) -> Iterator[None]:
    """Hold the ledger's lock. Once the body has ended well, a lock that cannot be released is noted, not raised."""
    from reconciler.log import milliseconds, tell

    shell.log_context["run"] = session.run_id
    ended, since = False, time.monotonic()
    try:
        with session.store.lock():
            tell("lock", {"ms": milliseconds(time.monotonic() - since)})
            yield
            ended = True
    except ReconcilerError as error:
        if not ended:
            raise
        unreleased.append(error)


@contextmanager
def _stale_agents_shown(shell: Shell) -> Iterator[None]:
    """When the plan is stale, print what changed since the review on stdout; with JSON the error holds it."""
    from reconciler.render import outcome

    try:
        yield
    except StalePlan as error:
        if not shell.json:
            shell.data(outcome.stale_agents(error.moved, color=shell.color))
        raise


def _ask_and_carry_out(
    shell: Shell,
    options: Options,
    session: Session,
    refreshed: Refreshed,
    credentials_file: CredentialsFile,
    events: Path | None,
    stop: threading.Event,
    *,
    auto_approve: bool,
) -> Report:
    """Read the passwords, ask whether to go on, and carry out the plan that was shown."""
    from reconciler.apply.refresh import look_again
    from reconciler.apply.run import carry_out, nothing_to_do
    from reconciler.cli.events import event_log
    from reconciler.cli.progress import Progress
    from reconciler.credentials.passwords import resolve_passwords

    if not refreshed.plan.actions:
        return nothing_to_do(refreshed)
    with_our_password = [action for action in refreshed.plan.actions if not action.vendor_password]
    passwords = resolve_passwords(with_our_password, os.environ, options.password_rules)
    with event_log(events, shell, session.run_id) as log:
        if not auto_approve:
            _ask(shell, refreshed.plan)
            with (
                Progress(shell, text("looking once more"), text("live agents")) as progress,
                _stale_agents_shown(shell),
            ):
                look_again(session, refreshed, progress.update)
        shell.raise_if_interrupted()
        with _interruptible(shell, stop), Progress(shell, text("applying"), text("agents")) as progress:
            calls_left = Counter(operator_id for call in refreshed.plan.calls for operator_id in call.operator_ids)
            done = 0

            def on_event(event: Event) -> None:
                nonlocal done
                for operator_id in event.call.operator_ids:  # a call may end in parts
                    calls_left[operator_id] -= 1
                    done += calls_left[operator_id] == 0
                progress.update(done, len(calls_left))
                log(event)

            return carry_out(session, refreshed, passwords, credentials_file, stop, on_event)


def _refuse_unfit(plan: Plan, expect: str | None, saved: SavedPlan | None) -> None:
    """Raise `Declined` unless plan or file is the expected one, no guardrail trips and no action is blocked."""
    from reconciler.core.saved.plan_json import digest

    if expect and expect not in (digest(plan), saved and saved.seal):
        message = text(
            "nothing was done: the plan is not the one that was reviewed; its digest is {digest}", digest=digest(plan)
        )
        if saved:
            message = text("{message}, the seal of its file {seal}", message=message, seal=saved.seal)
        if not plan.actions:
            raise Declined(
                "applied-already", message, text("there is nothing left to change: it may have been applied already")
            )
        raise Declined(
            "another-plan",
            message,
            text("have the plan above reviewed; flags count too, give those that plan was given"),
        )
    if plan.refused:
        reasons = [text("guardrail {rule}", rule=each.rule) for each in plan.guardrails if not each.ok]
        reasons += [text("{count} blocked", count=len(plan.blocked))] if plan.blocked else []
        message = text("nothing was done: {reasons}", reasons=joined(reasons, ", "))
        raise Declined("plan-refused", message, text("the plan above says why, and how to go on"))


def _ask(shell: Shell, plan: Plan) -> None:
    if not shell.can_ask:
        raise Declined(
            "no-terminal",
            text("nothing was done: there is no terminal to ask on"),
            text("pass --auto-approve if the plan is reviewed"),
        )
    if shell.unread:
        raise Declined(
            "not-shown",
            text("nothing was done: the plan could not be shown"),
            text("look where the output of apply goes"),
        )
    count = len(plan.actions)
    question = "Apply {count} {count:action|actions} to {company}? Only 'yes' goes on:"
    shell.ask(text(question, count=count, company=plan.company.abbreviate))
    answer = ""
    with suppress(OSError, ValueError):  # the terminal has gone, or what came is no text
        answer = sys.stdin.readline()
    if answer.strip() != "yes":
        raise Declined("not-approved", text("nothing was done: not approved"))


@contextmanager
def _interruptible(shell: Shell, stop: threading.Event) -> Iterator[None]:
    """A signal sets `stop`, and nothing more is sent. A second one ends the process at once; a hang-up never does.

    Signals that were ignored before stay so, as with `nohup`.
    """
    asked = 0

    def handle(number: int, _frame: object) -> None:
        nonlocal asked
        asked += number != HANGUP  # a terminal that closes says so several times
        if asked > 1:
            os._exit(130)
        if not stop.is_set():
            stop.set()
            shell.alarm(text("stopping: waiting for what is in flight; once more leaves at once"))

    heard = [number for number in INTERRUPTS if signal.getsignal(number) is not signal.SIG_IGN]
    old_handlers = {number: signal.signal(number, handle) for number in heard}
    try:
        yield
    finally:
        for number, handler in old_handlers.items():
            signal.signal(number, handler)


def _say_where(shell: Shell, credentials: CredentialsFile) -> None:
    if credentials.to_hand_over:
        where = "New credentials are in {path}: hand them over, then delete the file."
        shell.tell(text(where, path=credentials.path))


def _finish(shell: Shell, heading: Heading, plan: Plan, report: Report, again: Text) -> None:
    from reconciler.core.saved.plan_json import plan_document
    from reconciler.render import json as as_json
    from reconciler.render import outcome

    if shell.wants_document:
        document = {"format": "reconciler.report/1", "plan": plan_document(plan, heading.tool, heading.created_at)}
        shell.document({**document, **as_json.report(report)})
    if not shell.json and (report.results or report.mismatches or report.warnings):
        shell.data(outcome.report(report, color=shell.color, again=again))
    raise click.exceptions.Exit(report.exit_code)
