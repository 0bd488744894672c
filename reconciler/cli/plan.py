"""`reconciler plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli.options import connection_options, format_option, guardrail_options
from reconciler.cli.shell import Shell

EXIT_CHANGES = 2
EXIT_REFUSED = 3


@click.command()
@connection_options
@guardrail_options
@format_option("text", "json")
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write the result there, not to stdout."
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there is something to change.")
@click.pass_obj
def plan(shell: Shell, /, format_: str, output: Path | None, detailed_exitcode: bool, **given: Any) -> None:
    """Show what apply would do. Nothing is changed.

    Exits with 0, with 3 when a guardrail trips or a change is blocked (the plan is still shown), and with
    --detailed-exitcode with 2 when there is something to change.

    \b
    Examples:
      reconciler plan
      reconciler plan --format json --output plan.json --detailed-exitcode
      reconciler plan --max-deletes 5
    """
    from reconciler.cli.inputs import Options, as_written, bench, heading
    from reconciler.cli.progress import Progress
    from reconciler.render import FORMATS
    from reconciler.render.terminal import visible
    from reconciler.run import look, unsettled

    options = Options(**given)
    with bench(options, as_written(options)) as work, Progress(shell, "reading live agents") as progress:
        sight = look(work, progress.update)
    for finding in unsettled(sight):
        shell.say(visible(finding))
    rendered = FORMATS[format_](sight.plan, heading(options, color=shell.color and output is None))
    if output is None:
        shell.data(rendered)
    else:
        _write(output, rendered)
    if sight.plan.refused:
        raise click.exceptions.Exit(EXIT_REFUSED)
    if detailed_exitcode and sight.plan.actions:
        raise click.exceptions.Exit(EXIT_CHANGES)


def _write(output: Path, rendered: str) -> None:
    from reconciler.errors import ReconcilerError

    try:
        output.write_bytes(rendered.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise ReconcilerError(f"{output} cannot be written: {error.strerror}") from None
