"""A plan's page as its reader has it: what is in which part, with blanks as they are seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from xml.etree.ElementTree import Element

import html5lib

from reconciler.core.model.diff import FieldChange
from reconciler.core.model.plan import Action, Plan
from reconciler.core.model.problem import Place
from reconciler.render import html
from tests.browser.plans import HEADING, crowd

from .reading import elements, text


def parsed(plan: Plan) -> Element:
    """The page as a browser reads it; raises where it has to guess."""
    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("etree"), strict=True, namespaceHTMLElements=False)
    root: Element = parser.parse(html.plan(plan, HEADING))
    return root


def having(root: Element, name: str) -> list[Element]:
    """The elements of a class, in the order of the page."""
    return [element for element in elements(root) if name in element.get("class", "").split()]


def first(root: Element, name: str) -> str:
    """The text of the first element of a class, blanks as a reader sees them."""
    return words(having(root, name)[0])


def words(element: Element) -> str:
    """All text in an element, with single blanks."""
    return " ".join(text(element).split())


def facts(plan: Plan) -> dict[str, str]:
    """What stands about the plan in its head."""
    (head,) = having(parsed(plan), "facts")
    return {words(pair[0]): words(pair[1]) for pair in head}


def lines(action: Action) -> dict[str, list[str]]:
    """An action's fields: what it was and what it will be, those that there are."""
    (row,) = having(parsed(planned(action)), "row")
    pairs = [pair for list_ in row.iter("dl") for pair in list_]
    return {words(pair[0]): [words(side) for side in pair[1:]] for pair in pairs}


def planned(*actions: Action, **more: Any) -> Plan:
    """A plan of these actions."""
    return replace(crowd(0), actions=actions, **{"guardrails": (), "notes": (), **more})


def action(kind: str = "edit", *changes: FieldChange, **more: Any) -> Action:
    """An action on one agent."""
    return Action(kind, "8001", "张三", Place("agents.yaml", 7), changes, **more)  # type: ignore[arg-type]
