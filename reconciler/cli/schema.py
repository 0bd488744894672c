"""`reconciler schema`: prints a JSON Schema."""

from __future__ import annotations

import click

from reconciler.cli.shell import Shell


@click.command()
@click.argument("of", type=click.Choice(["agents", "plan"]), default="agents")
@click.pass_obj
def schema(shell: Shell, /, of: str) -> None:
    """Print the JSON Schema of the desired-state file, for editors and other tools, or that of a plan.

    \b
    Examples:
      reconciler schema > agents.schema.json
      reconciler schema plan > plan.schema.json
    """
    from reconciler.core.desired.schema import agents_schema
    from reconciler.core.saved.plan_schema import plan_schema

    shell.document(plan_schema() if of == "plan" else agents_schema())
