"""What the build fills in: the project's addresses, and a long description whose links lead there."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class Metadata(MetadataHookInterface):
    """Takes every address from `HOME` in `reconciler/about.py`, so that it stands in one place."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set `urls` and `readme`."""
        root = Path(self.root)
        home = runpy.run_path(str(root / "reconciler/about.py"))["HOME"]
        pages = f"{home}/blob/v{metadata['version']}"
        metadata["urls"] = {
            "Homepage": home,
            "Documentation": f"{pages}/docs/start.md",
            "Changelog": f"{pages}/CHANGELOG.md",
            "Issues": f"{home}/issues",
            "Security": f"{pages}/SECURITY.md",
        }
        text = (root / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": with_absolute_links(text, pages)}


def with_absolute_links(text: str, pages: str) -> str:
    """The Markdown with each link into the repository led to `pages`: an index shows the text without its files."""
    files = pages.replace("/blob/", "/raw/")
    text = re.sub(r"(!\[[^\]]*\]\()(?![a-z]+:|#)", rf"\g<1>{files}/", text)
    return re.sub(r"((?<!!)\[[^\]]*\]\()(?![a-z]+:|#)", rf"\g<1>{pages}/", text)
