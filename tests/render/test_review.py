"""What a reviewer must be able to see, in every format that people read."""

from __future__ import annotations

import html
from typing import Final

import pytest

from reconciler.core.model.plan import Plan
from reconciler.core.model.recipient import recipient_label
from reconciler.render import FORMATS
from tests.core.model.test_recipient import OTHER, ZHANG
from tests.render.build import HEADING, action, plan

READ: Final = ("text", "markdown", "html")


def told(made: Plan, format_: str) -> str:
    """The plan in a format, with what HTML escapes as people see it."""
    return html.unescape(FORMATS[format_](made, HEADING))


@pytest.mark.parametrize("format_", READ)
@pytest.mark.parametrize("count", [1, 3, 20])
def test_keys_are_told_apart(format_: str, count: int) -> None:
    """Recipients that differ in the middle of a key have different names, and nobody is left out of a long list."""
    others = tuple(f"age1{'q' * 50}{number:08}" for number in range(count))
    for key in (ZHANG, OTHER):
        shown = told(plan(action(), recipients=(*others, f"{key} 张三@desk")), format_)
        assert all(name in shown for name in (*others, recipient_label(f"{key} 张三@desk")))
