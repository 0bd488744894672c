"""Plans and reports as text or JSON. Pure: values in, a string out.

A new format is one file here and one line in `FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from reconciler.core.model import Plan
from reconciler.render import json, text
from reconciler.render.heading import Heading

FORMATS: Final[dict[str, Callable[[Plan, Heading], str]]] = {
    "text": text.plan,
    "json": json.plan,
}
"""What `plan --format` offers."""
