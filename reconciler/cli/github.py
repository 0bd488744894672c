"""What a plan leaves with GitHub Actions beside its annotations: the summary of the step, and its outputs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from reconciler.core.model.plan import Plan
    from reconciler.render.heading import Heading


def publish(plan: Plan, heading: Heading, environment: Mapping[str, str]) -> None:
    """Append to the files that `GITHUB_STEP_SUMMARY` and `GITHUB_OUTPUT` name; what is not set is left out.

    Raises `ReconcilerError` when one cannot be written.
    """
    from reconciler.render.github import outputs, summary_markdown

    if environment.get("GITHUB_STEP_SUMMARY"):
        _append("GITHUB_STEP_SUMMARY", environment, summary_markdown(plan, heading))
    if environment.get("GITHUB_OUTPUT"):
        _append("GITHUB_OUTPUT", environment, "".join(f"{name}={told}\n" for name, told in outputs(plan).items()))


def _append(variable: str, environment: Mapping[str, str], text: str) -> None:
    """Add to a file that other commands of the step may have written to, and not ended with a line end."""
    path = Path(environment[variable])
    try:
        with path.open("ab") as stream:
            begun = os.fstat(stream.fileno()).st_size > 0
            stream.write((f"\n{text}" if begun else text).encode("utf-8", "backslashreplace"))
    except OSError as error:
        hint = f"unset {variable} to do without, or choose another --format"
        raise ReconcilerError(f"{variable}: {path} cannot be written: {error.strerror}", hint) from None
