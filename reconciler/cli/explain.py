"""`reconciler explain`: prints the help of a field from the field table."""

from __future__ import annotations

import click

from reconciler.cli.shell import Shell


@click.command()
@click.argument("field", required=False, metavar="[FIELD|WORD|CODE]")
@click.pass_obj
def explain(shell: Shell, /, field: str | None) -> None:
    """Say what a field is, in English and Chinese, what may stand in it, and when it can be set.

    A WORD is one that sheets use for a field (手机, 技能组) or for a value (班长, 禁止外呼). A CODE is a problem's, as
    JSON has it (`duplicate-key`). Without any, names every field.

    \b
    Examples:
      reconciler explain
      reconciler explain afterInterval
      reconciler explain 手机
    """
    from reconciler.core.desired.reference import field_help, value_help
    from reconciler.core.model.codes import KINDS, code_help
    from reconciler.core.model.fields import BY_NAME, FIELDS
    from reconciler.core.model.problem import closest
    from reconciler.core.model.words import field_for_word, fields_with_value
    from reconciler.core.sheets.cells import closest_field, is_password_heading
    from reconciler.render.terminal import pad

    if field is None:
        wide = max(len(row.name) for row in FIELDS)
        shell.data("".join(f"{pad(row.name, wide)}  {row.zh}\n" for row in FIELDS))
        return
    if field in KINDS:
        shell.data(code_help(field))
        return
    values = list(fields_with_value(field))
    named = field if field in BY_NAME else "password" if is_password_heading(field) else field_for_word(field)
    if values or named:
        shell.data("".join(value_help(row, value, field) for row, value in values))
        shell.data(field_help(BY_NAME[named]) if named else "")
    else:
        guess = closest(field, BY_NAME) or closest_field(field)
        hint = f"Did you mean {guess}?" if guess else "`reconciler explain` names them all."
        raise click.BadParameter(f"there is no field {field!r}. {hint}", param_hint="FIELD")
