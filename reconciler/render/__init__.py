"""Plans, problems and reports in every form that they are shown in. Pure: values in, a string out.

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


def _of(module: str) -> Renderer:
    """The `plan` of a module that is imported when it is first used: `--help` names formats and needs none."""

    def render(plan: Plan, heading: Heading) -> str:
        return cast("Renderer", import_module(f"reconciler.render.{module}").plan)(plan, heading)

    return render


FORMATS: Final[dict[str, Renderer]] = {
    name: _of(name) for name in ("text", "json", "markdown", "html", "github", "gitlab")
}
"""What `plan --format` offers."""
