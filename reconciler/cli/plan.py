"""`reconciler plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli.options import EXPIRES_IN, OUTPUT, connection_options, format_option, guardrail_options
from reconciler.cli.output import show
from reconciler.cli.shell import Shell
from reconciler.render import FORMATS

EXIT_CHANGES = 2
EXIT_REFUSED = 3


@click.command()
@connection_options
@guardrail_options
@format_option(*FORMATS)
@OUTPUT
@click.option("--out", type=click.Path(path_type=Path), metavar="PLANFILE", help="Save the plan there, to apply it.")
@EXPIRES_IN
@click.option("--since", metavar="GITREF", help="Tell this change of the file, since GITREF, from the live side's.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there is something to change.")
@click.pass_obj
def plan(
    shell: Shell,
    /,
    format_: str,
    output: Path | None,
    out: Path | None,
    since: str | None,
    detailed_exitcode: bool,
    **given: Any,
) -> None:
    """Show what apply would do. Nothing is changed.

    The digest at its end stands for all that decides: `apply --expect DIGEST` applies this plan or nothing. So does
    `apply PLANFILE` with the file that --out saves.

    Exits with 0, with 3 when a guardrail trips or a change is blocked (the plan is still shown), and with
    --detailed-exitcode with 2 when there is something to change.

    \b
    Examples:
      reconciler plan
      reconciler plan --out plan.json && reconciler apply plan.json
      reconciler plan --since origin/main --format markdown
      reconciler plan --format json --output plan.json --detailed-exitcode
    """
    from reconciler.cli.inputs import Options, as_written, bench, heading
    from reconciler.cli.progress import Progress
    from reconciler.planfile import save_plan
    from reconciler.render.terminal import visible
    from reconciler.run import look, unsettled

    options = Options(**given)
    with bench(options, as_written(options, since)) as work, Progress(shell, "reading live agents") as progress:
        sight = look(work, progress.update)
    for finding in unsettled(sight):
        shell.say(visible(finding))
    head = heading(options, color=shell.color and output is None)
    show(shell, sight.plan, head, format_, output)
    if out is not None:
        saved = save_plan(out, sight.plan, head.tool, head.created_at)
        shell.say(visible(f"saved: reconciler apply {out} applies exactly this, before {saved.expires_at}"))
    if sight.plan.refused:
        raise click.exceptions.Exit(EXIT_REFUSED)
    if detailed_exitcode and sight.plan.actions:
        raise click.exceptions.Exit(EXIT_CHANGES)
