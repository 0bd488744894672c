"""`reconciler explain`: prints the help of a field from the field table."""

from __future__ import annotations

import click

from reconciler.cli.shell import Shell


@click.command()
@click.argument("field", required=False)
@click.pass_obj
def explain(shell: Shell, /, field: str | None) -> None:
    """Say what a field is, in English and Chinese, what may stand in it, and when it can be set.

    Without FIELD, names every field.

    \b
    Examples:
      reconciler explain
      reconciler explain afterInterval
    """
    from reconciler.core.desired.reference import field_help
    from reconciler.core.model.fields import BY_NAME, FIELDS
    from reconciler.core.model.problem import closest
    from reconciler.render.terminal import pad

    if field is None:
        wide = max(len(row.name) for row in FIELDS)
        shell.data("".join(f"{pad(row.name, wide)}  {row.zh}\n" for row in FIELDS))
    elif field in BY_NAME:
        shell.data(field_help(BY_NAME[field]))
    else:
        guess = closest(field, BY_NAME)
        hint = f"Did you mean {guess}?" if guess else "`reconciler explain` names them all."
        raise click.BadParameter(f"there is no field {field!r}. {hint}", param_hint="FIELD")
