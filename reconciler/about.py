"""What the project is called where people install it and read about it; nothing else in the code spells it."""

from __future__ import annotations

from typing import Final

DISTRIBUTION: Final = "zuoxi-reconciler"
"""The name on package indexes. `reconciler` there is somebody else's package."""

HOME: Final = "https://reconciler.example"
"""The project's pages. `.example` is reserved and leads nowhere; `make release-check` refuses to publish it."""
