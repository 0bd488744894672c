"""Writes a plan to GitHub Actions: the summary and the outputs of the step. Annotations go to stdout elsewhere."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.core.model.message import text
from reconciler.errors import unwritable

if TYPE_CHECKING:
    from reconciler.core.model.plan import Plan
    from reconciler.render.heading import Heading


def publish(plan: Plan, heading: Heading, environment: Mapping[str, str], seal: str = "") -> None:
    """Append to the files that `GITHUB_STEP_SUMMARY` and `GITHUB_OUTPUT` name; a variable that is not set is skipped.

    Raises:
        ReconcilerError: a file cannot be written.
    """
    from reconciler.render.github import outputs, summary_markdown

    if environment.get("GITHUB_STEP_SUMMARY"):
        _append("GITHUB_STEP_SUMMARY", environment, summary_markdown(plan, heading))
    if environment.get("GITHUB_OUTPUT"):
        values = {**outputs(plan), **({"seal": seal} if seal else {})}
        _append("GITHUB_OUTPUT", environment, "".join(f"{name}={value}\n" for name, value in values.items()))


def _append(variable: str, environment: Mapping[str, str], content: str) -> None:
    """Append on a new line: another command of the step may have written to the file without a line end."""
    path = Path(environment[variable])
    try:
        with path.open("ab") as stream:
            has_text = os.fstat(stream.fileno()).st_size > 0
            stream.write((f"\n{content}" if has_text else content).encode("utf-8", "backslashreplace"))
    except OSError as error:
        hint = text("unset {variable} to do without, or choose another --format", variable=variable)
        raise unwritable(text("{variable}: {path}", variable=variable, path=path), error, hint) from None
