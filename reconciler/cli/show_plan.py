"""`reconciler show-plan`: shows a saved plan."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.options import OUTPUT, format_option
from reconciler.cli.output import show
from reconciler.cli.shell import Shell
from reconciler.core.model.message import text
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
    from reconciler.files.outputs import check_outputs
    from reconciler.files.plan_file import load_plan
    from reconciler.render.heading import Heading

    check_outputs((output,), inputs=(planfile,))
    saved = load_plan(planfile)
    heading = Heading(saved.tool, saved.created_at, 0, color=shell.color and output is None)
    show(shell, saved.plan, heading, format_, output)
    words = "saved at {at} by reconciler {tool}; to be applied before {end}"
    if saved.expired(now()):
        words = "saved at {at} by reconciler {tool}; expired at {end}"
    shell.tell(text(words, at=saved.created_at, tool=saved.tool, end=saved.expires_at))
    shell.tell(text("Seal of the file: {seal}", seal=saved.seal))
