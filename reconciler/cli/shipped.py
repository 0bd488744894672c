"""The example files that come with the tool: in the installed package, or in the checkout that it runs from."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.core.model.message import text
from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def shipped(name: str) -> Traversable:
    """A file or folder of `examples/`.

    Raises:
        ReconcilerError: this installation lacks it.
    """
    package = resources.files("reconciler")
    for folder in (package / "examples", Path(str(package)).parent / "examples"):
        found = folder / name
        if found.is_dir() or found.is_file():
            return found
    raise ReconcilerError(
        "incomplete-installation",
        text("this installation has no examples/{name}", name=name),
        text("install reconciler from its wheel"),
    )
