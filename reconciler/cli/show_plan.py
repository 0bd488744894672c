"""`reconciler show-plan`: shows a saved plan."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.options import OUTPUT, format_option
from reconciler.cli.output import show
from reconciler.cli.shell import Shell
from reconciler.render import FORMATS


@click.command("show-plan")
@click.argument("planfile", type=click.Path(path_type=Path))
@format_option(*FORMATS)
@OUTPUT
@click.pass_obj
def show_plan(shell: Shell, /, planfile: Path, format_: str, output: Path | None) -> None:
    """Show a saved plan, in any format, also when it has expired or the live agents have moved on.

    Talks to nobody. A file that was changed since it was saved is refused with 3.

    \b
    Examples:
      reconciler show-plan plan.json
      reconciler show-plan plan.json --format html --output plan.html
    """
    from reconciler.clock import now
    from reconciler.files.outputs import refuse_desired_state
    from reconciler.files.plan_file import load_plan
    from reconciler.render.heading import Heading
    from reconciler.render.terminal import visible

    refuse_desired_state((output,))
    saved = load_plan(planfile)
    heading = Heading(saved.tool, saved.created_at, 0, color=shell.color and output is None)
    show(shell, saved.plan, heading, format_, output)
    expiry = "expired at" if saved.expired(now()) else "to be applied before"
    shell.say(visible(f"saved at {saved.created_at} by reconciler {saved.tool}; {expiry} {saved.expires_at}"))
    shell.say(f"Seal of the file: {saved.seal}")
