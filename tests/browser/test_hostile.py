"""Hostile text on the page, in a browser: it is said as it is, and nothing of it runs, loads or applies."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

from playwright.sync_api import expect

from reconciler.core.model.desired import Company, PasswordSource
from reconciler.core.model.diff import FieldChange
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.message import Text
from reconciler.core.model.plan import Action, Guardrail, Note, Plan
from reconciler.core.model.problem import Place
from reconciler.render import html
from reconciler.render.alike import alike_rows
from reconciler.render.rows import KINDS
from reconciler.render.spelling import spelled_name
from reconciler.render.terminal import visible
from tests.core.build import live_agent
from tests.hostile import GROUPS, HOSTILE

from .conftest import Opener
from .plans import HEADING, PLAN

PWN: Final = (
    "<script>window.pwned = 1</script>",
    "</script><script>window.pwned = 2</script>",
    "</style><script>window.pwned = 3</script>",
    "</title><script>window.pwned = 4</script>",
    "<img src=x onerror=window.pwned=5>",
    "\"><img src=x onerror='window.pwned=6'>",
    "' onmouseover=window.pwned=7 '",
    '" autofocus onfocus=window.pwned=8 "',
    "<svg onload=window.pwned=9>",
    "<iframe srcdoc='<script>parent.pwned=10</script>'></iframe>",
    "<a href='javascript:window.pwned=11'>8001</a>",
    "<img src=https://evil.example/p.png>",
    "<link rel=stylesheet href=https://evil.example/p.css>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "{{ ''.__class__ }}{% for x in y %}",
)
TEXTS: Final = (*PWN, *HOSTILE.values())
PAGE: Final = " ".join((*PWN, *GROUPS["HTML"].values()))


def _action(number: int, text: str) -> Action:
    kind = ("edit", "create", "replace", "delete", "password")[number % 5]
    id_ = f"{number:03}{text}"
    changes = (FieldChange("ttscontent", text, f"a{text}"), FieldChange("mainGroupName", "g", text))
    source = PasswordSource("env" if number % 2 else "file", text, 1)
    live = live_agent(id_, name=text, mainGroupName=text, sipNumber=text)
    blocked = text if number % 3 == 0 else ""
    return Action(
        kind,  # type: ignore[arg-type]
        id_,
        text,
        Place(text, number),
        changes,
        {"email": text} if kind == "replace" else {},
        source,
        live,
        LedgerEntry(1, {"roleName": text}),
        Text(blocked),
    )


def everything() -> Plan:
    """A plan with every text in an action of its own, and the worst in all the other places."""
    ids = tuple(TEXTS)
    return replace(
        PLAN,
        company=Company(PAGE),
        endpoint=PAGE,
        files=ids,
        recipients=ids,
        actions=tuple(_action(number, text) for number, text in enumerate(TEXTS)),
        guardrails=(Guardrail("maxDeletes", PAGE, 1, 2, ids, Text(PAGE), "file"),),
        notes=(Note(Text(PAGE), ids), *(Note(Text(text), (text,)) for text in PWN)),
    )


def test_hostile_text_is_said_and_does_nothing(visit: Opener) -> None:
    """With every text in every place no script of theirs ran, nothing was asked for, and each name reads as it is."""
    plan = everything()
    page = visit(plan)
    browser = page.page
    expected = [
        (row.head, spelled_name(row.common.name), spelled_name(row.common.group))
        for kind in KINDS
        for row in alike_rows(plan.actions)
        if kind == ("blocked" if row.common.blocked else row.common.kind)
    ]
    assert len(expected) == len(plan.actions)
    script = (
        "all => all.map(row => ['id', 'name', 'group'].map(name => row.querySelector('.' + name)?.textContent ?? ''))"
    )
    assert browser.eval_on_selector_all("li.row", script) == [list(each) for each in expected]
    assert browser.locator("h1 bdi").text_content() == visible(PAGE)
    assert browser.locator("body :is(img, iframe, a, link, base, form, object, meta, style)").count() == 0
    assert browser.locator("script, svg[onload], [onerror], [onfocus], [autofocus]").count() == 1
    browser.mouse.move(300, 700)
    assert browser.evaluate("window.pwned") is None
    # What is typed, chosen and linked is theirs as well.
    for text in PWN[:6]:
        browser.get_by_label("Search").fill(text)
        assert page.shown()
    browser.get_by_label("Search").fill("")
    shown = [id_ for id_, _, group in expected if group == PWN[0]]
    page.go("#" + urlencode({"group": PWN[0], "text": "", "action": PWN[1], "origin": PWN[2]}))
    assert page.shown() == shown
    assert browser.evaluate("window.pwned") is None


FORGOTTEN: Final = {
    "script-src": (
        "<script>window.pwned = 1</script>",
        "<img src='data:,' onerror='window.pwned = 1'>",
        "<a id=x href='javascript:window.pwned=1'>x</a>",
    ),
    "style-src": ("<style>body { display: none }</style>", "<p style='display: none'>x</p>"),
    "img-src": ("<img src='https://evil.example/p.png'>",),
    "frame-src": ("<iframe src='https://evil.example/'></iframe>",),
    "base-uri": ("<base href='https://evil.example/'>",),
}


def test_the_policy_holds_where_an_escape_was_forgotten(visit: Opener) -> None:
    """Were markup of theirs on the page after all, the browser would say no to each piece, and ask nobody."""
    planted = "".join(piece for pieces in FORGOTTEN.values() for piece in pieces)
    page = visit(html.plan(PLAN, HEADING).replace("<main>", f"<main>{planted}"), quiet=False)
    page.page.locator("#x").click()
    expect(page.page.get_by_role("status")).to_be_visible()
    assert page.page.evaluate("window.pwned") is None
    assert [url for url in page.requests if url != page.url and url not in page.refused] == []
    for rule, pieces in FORGOTTEN.items():
        assert sum(rule in complaint for complaint in page.complaints) >= len(pieces), (rule, page.complaints)
