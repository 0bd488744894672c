"""`reconciler explain`: prints the help of a field, a key of the file, a word of sheets, or a code."""

from __future__ import annotations

import click

from reconciler.cli.shell import Shell
from reconciler.core.model.message import text


@click.command()
@click.argument("field", required=False, metavar="[FIELD|KEY|WORD|CODE]")
@click.pass_obj
def explain(shell: Shell, /, field: str | None) -> None:
    """Say what a field is, in English and Chinese, what may stand in it, and when it can be set.

    A KEY is one of the file beside an agent's fields (onRemove, guardrails, maxDeletes). A WORD is one that sheets use
    for a field (手机, 技能组) or for a value (班长, 禁止外呼), or one for a key (保护). A CODE is that of a problem, a
    blocked change, a guardrail, a note or an error, as JSON has it (duplicate-key). Without any, names every field.

    \b
    Examples:
      reconciler explain
      reconciler explain afterInterval
      reconciler explain 手机
      reconciler explain onRemove
    """
    from reconciler.core.desired.reference import field_help, file_keys, key_help, value_help
    from reconciler.core.model.codes import KINDS, code_help
    from reconciler.core.model.fields import BY_NAME, FIELDS
    from reconciler.core.model.problem import closest
    from reconciler.core.model.words import field_for_word, fields_with_value, key_for_word
    from reconciler.core.planning.guardrails import code_of
    from reconciler.core.sheets.cells import closest_field, is_password_heading
    from reconciler.render.terminal import pad

    if field is None:
        wide = max(len(row.name) for row in FIELDS)
        shell.data("".join(f"{pad(row.name, wide)}  {row.zh}\n" for row in FIELDS))
        return
    keys = file_keys()
    key = field if field in keys else key_for_word(field)
    named = field if field in BY_NAME else "password" if is_password_heading(field) else field_for_word(field)
    code = field if field in KINDS else code_of(field)
    told = [
        "".join(value_help(row, value, field) for row, value in fields_with_value(field)),
        field_help(BY_NAME[named]) if named else "",
        key_help(key) if key in keys else "",
        code_help(code) if code in KINDS else "",
    ]
    if any(told):
        shell.data("\n".join(filter(None, told)))
    else:
        guess = closest(field, (*BY_NAME, *keys, *KINDS)) or closest_field(field)
        hint = text("Did you mean {guess}?", guess=guess) if guess else text("`reconciler explain` names the fields.")
        raise click.BadParameter(
            text("there is no field {field!r}. {hint}", field=field, hint=hint), param_hint="FIELD"
        )
