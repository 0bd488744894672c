"""Every link of every page leads to a file that is there, and to a heading that is in it."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = [
    name
    for name in subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    if (ROOT / name).exists()
]


def links(tokens: list[Token]) -> list[str]:
    """Where the links and pictures of a page lead."""
    found = []
    for token in tokens:
        target = token.attrGet("href") or token.attrGet("src")
        found += [str(target)] if target else []
        found += links(token.children or [])
    return found


@cache
def page(path: Path) -> tuple[list[str], set[str]]:
    """The links of a page, and the anchors that its headings make on GitHub and GitLab."""
    tokens = MarkdownIt().enable("table").parse(path.read_text(encoding="utf-8"))
    headings = [tokens[number + 1] for number, token in enumerate(tokens) if token.type == "heading_open"]
    anchors = set()
    for heading in headings:
        text = "".join(child.content for child in heading.children or [] if child.type in ("text", "code_inline"))
        anchors.add(re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-"))
    return links(tokens), anchors


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    """A link into the repository names a file, and where it names a part of a page, a heading of that page."""
    path = ROOT / name
    for link in page(path)[0]:
        if re.match(r"(https?|mailto):", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file) if file else path
        assert target.exists(), link
        assert not anchor or anchor in page(target)[1], link
