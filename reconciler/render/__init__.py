"""Renders plans, problems and reports in every format. Pure: values in, text out.

A new format is one file here and one line in `FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Final, TypeAlias, cast

if TYPE_CHECKING:
    from reconciler.core.model.plan import Plan
    from reconciler.render.heading import Heading

Renderer: TypeAlias = "Callable[[Plan, Heading], str]"


def _lazy_renderer(module: str) -> Renderer:
    """The `plan` of a module, which is imported on first use: `--help` names the formats and needs none of them."""

    def render(plan: Plan, heading: Heading) -> str:
        return cast("Renderer", import_module(f"reconciler.render.{module}").plan)(plan, heading)

    return render


FORMATS: Final[dict[str, Renderer]] = {
    name: _lazy_renderer(name) for name in ("text", "json", "markdown", "html", "github", "gitlab")
}
"""The formats of `plan --format`, by name."""
