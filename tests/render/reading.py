"""HTML and Markdown as a parser sees them, not as they are written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element

import cmarkgfm  # type: ignore[import-untyped]
import html5lib
from cmarkgfm.cmark import Options  # type: ignore[import-untyped]
from markdown_it import MarkdownIt

_EXTENSIONS: Final = ["table", "autolink", "strikethrough", "tasklist"]
"""Those of GitHub but for its filter of tags, which would hide what got through."""
_OPTIONS: Final = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_FOOTNOTES
_MARKDOWN_IT: Final = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def by_cmark(markdown: str) -> Element:
    """The page that GitHub's parser makes of Markdown, raw HTML let through."""
    return page(cmarkgfm.markdown_to_html_with_extensions(markdown, options=_OPTIONS, extensions=_EXTENSIONS))


def by_markdown_it(markdown: str) -> Element:
    """The page that another parser makes of it."""
    return page(_MARKDOWN_IT.render(markdown))


MARKDOWN_PARSERS: Final = {"cmark": by_cmark, "markdown-it": by_markdown_it}


def page(html: str) -> Element:
    """A page as a browser reads it."""
    root: Element = html5lib.parse(html, treebuilder="etree", namespaceHTMLElements=False)
    return root


def elements(root: Element) -> Iterator[Element]:
    """Every element in the order of the page; comments are none."""
    return (element for element in root.iter() if isinstance(element.tag, str))


def text(element: Element) -> str:
    """All text in it."""
    return "".join(element.itertext())


def codes(root: Element) -> list[str]:
    """The text of every code span and code block."""
    return [text(element) for element in root.iter("code")]


def outside_code(root: Element) -> str:
    """The text that stands in no code, with a dot where code is."""
    if root.tag == "code":
        return "·" + (root.tail or "")
    inner = (root.text or "") if isinstance(root.tag, str) else ""
    return inner + "".join(map(outside_code, root)) + (root.tail or "")


def tables(root: Element) -> list[list[list[str]]]:
    """Every table as rows of cells, its head first; code keeps no mark."""
    return [
        [["".join(cell.itertext()) for cell in row if cell.tag in ("th", "td")] for row in table.iter("tr")]
        for table in root.iter("table")
    ]
