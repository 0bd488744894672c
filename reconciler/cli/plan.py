"""`reconciler plan`: shows what apply would do, and saves the plan."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.options import (
    EXPIRES_IN,
    OUTPUT,
    PASSWORD_ENV,
    connection_options,
    format_option,
    guardrail_options,
    not_empty,
)
from reconciler.cli.output import show
from reconciler.cli.shell import Shell
from reconciler.core.model.message import text
from reconciler.errors import ReconcilerError, WrongUsage
from reconciler.files.collector import collector_paused
from reconciler.files.outputs import check_outputs
from reconciler.render import FORMATS

if TYPE_CHECKING:
    from reconciler.apply.refresh import Session
    from reconciler.cli.inputs import Options
    from reconciler.core.model.desired import DesiredState
    from reconciler.core.model.plan import Plan
    from reconciler.files.plan_file import SavedPlan
    from reconciler.render.heading import Heading

EXIT_CHANGES = 2
EXIT_REFUSED = 3


@click.command()
@connection_options
@guardrail_options
@format_option(*FORMATS)
@OUTPUT
@click.option("--out", type=click.Path(path_type=Path), metavar="PLANFILE", help="Save the plan there, to apply it.")
@EXPIRES_IN
@PASSWORD_ENV
@click.option(
    "--since",
    metavar="GITREF",
    callback=not_empty,
    help="Tell this change of the file, since GITREF, from the live side's.",
)
@click.option("--offline", is_flag=True, help="With --since: hold the files against those of before alone; ask nobody.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there is something to change.")
@click.pass_obj
@collector_paused()
def plan(
    shell: Shell,
    /,
    format_: str,
    output: Path | None,
    out: Path | None,
    since: str | None,
    offline: bool,
    detailed_exitcode: bool,
    **arguments: Any,
) -> None:
    """Show what apply would do. Nothing is changed.

    The digest at its end stands for all that decides: `apply --expect DIGEST` applies this plan or nothing. So does
    `apply PLANFILE` with the file that --out saves, whose seal stands for every byte of it, its date included.

    With --offline it needs no endpoint, no token and no ledger, and says what this change of the files means by itself.
    What only the live side can tell is then unknown, and there is no digest: nothing that could be applied.

    Exits with 0, with 3 when a guardrail trips or a change is blocked (the plan is still shown), and with
    --detailed-exitcode with 2 when there is something to change.

    \b
    Examples:
      reconciler plan
      reconciler plan --out plan.json && reconciler apply plan.json
      reconciler plan --since origin/main --format markdown
      reconciler plan --offline --since origin/main
      reconciler plan --format json --output plan.json --detailed-exitcode
    """
    from reconciler.cli.inputs import Options, files_goal, open_session, plan_heading

    options = Options(**arguments)
    check_outputs((output, out), options.files, (options.token_file, options.ca_file))
    if offline:
        planned = _offline(shell, options, since, out)
        show(shell, planned, plan_heading(options, color=shell.color and output is None), format_, output)
        _exit(planned, detailed=detailed_exitcode)
        return
    with files_goal(options, lambda: _desired_at(shell, options, since) if since else None) as goal:
        # Imported while another process reads a large file.
        from reconciler.apply.refresh import recovery_lines, refresh, warm_up
        from reconciler.cli.progress import Progress
        from reconciler.credentials.passwords import refuse_sources

        with open_session(options, goal) as session, Progress(shell, text("reading"), text("live agents")) as progress:
            refreshed = refresh(session, progress.update, partial(warm_up, f"reconciler.render.{format_}"))
    shell.keep_until_exit(goal, refreshed)
    refuse_sources(refreshed.plan.actions, options.password_rules)
    for words in recovery_lines(refreshed):
        shell.tell(words)
    heading = plan_heading(options, color=shell.color and output is None)
    saved = _save(out, session, refreshed.plan, heading) if out else None
    show(shell, refreshed.plan, heading, format_, output, saved.seal if saved else "")
    if saved is not None:
        _say_saved(shell, saved, out)
    _exit(refreshed.plan, detailed=detailed_exitcode)


def _say_saved(shell: Shell, saved: SavedPlan, out: Path | None) -> None:
    words = "saved, until {until}: reconciler apply {path} applies exactly this"
    if saved.plan.refused:
        words = "saved, until {until}: reconciler show-plan {path} shows it; it may not be applied"
    shell.tell(text(words, until=saved.expires_at, path=out))
    shell.tell(text("Seal of the file: {seal}", seal=saved.seal))


def _exit(plan: Plan, *, detailed: bool) -> None:
    if plan.refused:
        raise click.exceptions.Exit(EXIT_REFUSED)
    if detailed and plan.actions:
        raise click.exceptions.Exit(EXIT_CHANGES)


def _offline(shell: Shell, options: Options, since: str | None, out: Path | None) -> Plan:
    """What the files say now, held against what they said at `since`. Nothing but the files and git is read."""
    from reconciler.core.planning.offline import offline_plan
    from reconciler.credentials.passwords import refuse_sources
    from reconciler.files.desired_files import load_desired

    if since is None:
        raise WrongUsage(
            "clashing-options",
            text("--offline holds the files against those of before"),
            text("name their revision: --since GITREF"),
        )
    if out is not None:
        raise WrongUsage(
            "clashing-options",
            text("--offline makes a plan that cannot be applied, so --out cannot save it"),
            text("leave one out"),
        )
    after, before = load_desired(options.files), _desired_at(shell, options, since)
    if before is None:
        raise ReconcilerError(
            "unclear-change",
            text("what this change means cannot be told"),
            text("name a revision whose files have no problems"),
        )
    plan = offline_plan(before, after, options.policy)
    refuse_sources(plan.actions, options.password_rules)
    return plan


def _desired_at(shell: Shell, options: Options, since: str) -> DesiredState | None:
    """The desired state at a git revision; `None` if its files have problems, so that a change that fixes them plans.

    The problems go to stderr, and the plan then has neither origins nor changes of the policy.
    """
    from reconciler.errors import InvalidFiles
    from reconciler.files.git_revision import desired_at
    from reconciler.render.text import problems

    try:
        return desired_at(options.files, since)
    except InvalidFiles as error:
        shell.say(problems(error.problems, color=shell.watched))
        unknown = (
            "the files at {ref} have problems: whose doing each action is cannot be told, nor what this change does to "
            "the policy"
        )
        shell.tell(text(unknown, ref=since))
        return None


def _save(out: Path, session: Session, plan: Plan, heading: Heading) -> SavedPlan:
    from reconciler.files.plan_file import save_plan

    return save_plan(out, plan, heading.tool, heading.created_at, session.goal.standing(session.base))
