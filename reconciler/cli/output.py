"""Renders a plan to stdout or a file, and with `--format github` also to the step's summary and outputs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli.shell import Shell
from reconciler.core.model.message import text
from reconciler.errors import ReconcilerError, install_hint, unwritable

if TYPE_CHECKING:
    from reconciler.core.model.plan import Plan
    from reconciler.render.heading import Heading


def show(shell: Shell, plan: Plan, heading: Heading, format_: str, output: Path | None, seal: str = "") -> None:
    """Render a plan and write it to `output`, or to stdout without one. `seal` is that of the saved plan, if any.

    Raises:
        ReconcilerError: the format's library is not installed, or a file cannot be written.
    """
    from reconciler.cli.places import plan_from_root
    from reconciler.render import FORMATS

    if format_ == "github":
        plan = plan_from_root(plan, os.environ)
    try:
        rendered = FORMATS[format_](plan, heading)
    except ModuleNotFoundError as error:
        message = text("--format {format} needs {name}, which is not installed", format=format_, name=error.name)
        raise ReconcilerError("extra-missing", message, install_hint(format_)) from None
    if output is None:
        shell.data(rendered)
    else:
        write(output, rendered)
    if format_ == "github":
        from reconciler.cli.github import publish

        publish(plan, heading, os.environ, seal)


def write(output: Path, rendered: str) -> None:
    """Write the text to the file.

    Raises:
        ReconcilerError: the file cannot be written.
    """
    try:
        output.write_bytes(rendered.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise unwritable(output, error) from None
