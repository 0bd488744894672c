"""The page in a browser: filters, links to a view, small screens, contrast, sizes, and no script at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from reconciler.core.model.fields import LISTED
from reconciler.core.model.message import Text
from reconciler.core.model.plan import Action, Plan
from reconciler.render.alike import Row, alike_rows
from reconciler.render.rows import KINDS

from .conftest import Opener, Visit
from .plans import PLAN, crowd

BOX = "Search id, name, group, field, value, file"


@dataclass(frozen=True, slots=True)
class View:
    """What somebody asks to see; a group of `None` is every group."""

    actions: tuple[str, ...] = ()
    group: str | None = None
    origin: str = ""
    text: str = ""

    def wants(self, row: Row) -> bool:
        """Whether a row is to be seen."""
        action = row.common
        return (
            (not self.actions or kind_of(action) in self.actions)
            and self.group in (None, action.group)
            and self.origin in ("", action.origin, *(change.origin for change in action.changes))
            and (not self.text or self._finds("\n".join(_texts(row)).lower()))
        )

    def _finds(self, texts: str) -> bool:
        return all(word in texts for word in self.text.lower().split())

    def rows(self, plan: Plan) -> list[Row]:
        """The rows to be seen, in the page's order."""
        wanted = [row for row in alike_rows(plan.actions) if self.wants(row)]
        return [row for kind in KINDS for row in wanted if kind_of(row.common) == kind]

    def of(self, plan: Plan) -> list[str]:
        """What stands in front of them: an id, or how many agents it is."""
        return [row.head for row in self.rows(plan)]

    def count(self, plan: Plan) -> int:
        """How many actions they are."""
        return sum(len(row.actions) for row in self.rows(plan))

    @property
    def fragment(self) -> str:
        """How it stands in the address."""
        said = {
            "action": " ".join(kind for kind in KINDS if kind in self.actions) or None,
            "group": self.group,
            "origin": self.origin or None,
            "text": self.text or None,
        }
        return "#" + urlencode({name: value for name, value in said.items() if value is not None})

    def set_in(self, page: Page) -> None:
        """Ask for it as a reader does, by what the controls are called."""
        for kind in self.actions:
            page.get_by_role("button", name=kind).click()
        if self.group is not None:
            groups = page.get_by_label("Group", exact=True)
            name = groups.locator("option", has_text=re.compile(rf"^{self.group or 'No group'} \(")).text_content()
            groups.select_option(label=name)
        if self.origin:
            page.get_by_label("Origin").select_option(self.origin)
        if self.text:
            page.get_by_label(BOX).fill(self.text)


def kind_of(action: Action) -> str:
    """The part of the chart that an action is counted in."""
    return "blocked" if action.blocked else action.kind


def _texts(row: Row) -> Iterator[str]:
    """What can be searched."""
    yield from (text for action in row.actions for text in _texts_of(action, row.various))


def _texts_of(action: Action, various: frozenset[str]) -> Iterator[str]:
    yield from (action.operator_id, action.name, action.group, action.blocked)
    yield action.place.file if action.place else ""
    yield action.password.name if action.password else ""
    for change in action.changes:
        values = () if change.field in various else (str(change.before), str(change.after))
        yield from (change.field, *values)
    for field, value in (*action.carries.items(), *action.recorded.last_sent.items()):
        yield from (field, str(value)) if value is not None else ()
    if action.kind == "delete" and action.live:
        live = action.live.fields
        yield from (str(live[row.name]) for row in LISTED if live[row.name] != row.default)


VIEWS = {
    "everything": View(),
    "one action": View(actions=("delete",)),
    "two actions": View(actions=("create", "blocked")),
    "a group": View(group="售后一组"),
    "no group": View(group=""),
    "an origin": View(origin="drift"),
    "an id": View(text="10085"),
    "part of a name": View(text="张"),
    "a field, whatever its case": View(text="AFTERINTERVAL"),
    "a value": View(text="agent8@example"),
    "what is lost": View(text="质检员"),
    "a file": View(text="teams/outbound.yaml"),
    "where a password is": View(text="/run/secrets"),
    "two words": View(text=" 售后 email "),
    "nothing": View(text="nobody is called this"),
    "an action and a group": View(actions=("edit",), group="夜班组"),
    "everything at once": View(actions=("edit", "replace"), group="VIP 专席", origin="drift", text="班长"),
}


@pytest.mark.exhaustive(8)
@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_a_view(shared: Visit, view: View) -> None:
    """Exactly what is asked for is shown, in its order and counted, and the address brings the same view back."""
    page, wanted = shared.page, view.of(PLAN)
    view.set_in(page)
    assert shared.shown() == wanted
    expect(page.get_by_role("status")).to_have_text(f"{view.count(PLAN)} of 110")
    expect(page.get_by_text("No action matches.")).to_be_visible(visible=not wanted)
    expect(page).to_have_url(shared.url + view.fragment.removesuffix("#"))
    shared.go(view.fragment)
    assert shared.shown() == wanted
    assert page.get_by_label(BOX).input_value() == view.text
    assert page.get_by_role("button", pressed=True).count() == len(view.actions)


@pytest.mark.parametrize("name", ["a group", "two actions", "everything at once"])
def test_a_view_is_a_part(name: str) -> None:
    """What a page is compared with is some of the actions, and not all of them."""
    assert 0 < VIEWS[name].count(PLAN) < len(PLAN.actions)


@pytest.mark.exhaustive(3)
@pytest.mark.parametrize(
    ("text", "found"),
    [("8010", True), ("80", True), ("8059", True), ("8003", True), ("8060", False), ("80100", False), ("010", False)],
)
def test_an_id_within_a_span_is_found(visit: Opener, text: str, found: bool) -> None:
    """Where many ids are one span, a search finds each of them, and no other."""
    alike = [replace(crowd(4).actions[3], operator_id=str(number), name="夜班") for number in range(8003, 8060)]
    page = visit(replace(crowd(0), actions=(*alike, crowd(1).actions[0])))
    page.page.get_by_label(BOX).fill(text)
    assert ("8003…8059 (57)" in page.shown()) == found


def test_clear(shared: Visit) -> None:
    """Clear takes every filter away, from the address too, and can be pressed only where there is one."""
    page, view = shared.page, VIEWS["everything at once"]
    clear = page.get_by_role("button", name="Clear")
    expect(clear).to_be_disabled()
    view.set_in(page)
    expect(page).to_have_url(shared.url + view.fragment)
    clear.click()
    assert shared.shown() == View().of(PLAN)
    expect(page).to_have_url(f"{shared.url}#")
    expect(page.get_by_label(BOX)).to_be_focused()


def test_keys(shared: Visit) -> None:
    """A slash goes to the search, where it is a slash, and Escape empties it; the chart is pressed by keys too."""
    page = shared.page
    box = page.get_by_label(BOX)
    page.keyboard.press("/")
    expect(box).to_be_focused()
    page.keyboard.type("run/")
    assert box.input_value() == "run/"
    page.keyboard.press("Escape")
    assert shared.shown() == View().of(PLAN)
    page.get_by_role("button", name="delete").focus()
    page.keyboard.press("Space")
    assert shared.shown() == View(actions=("delete",)).of(PLAN)


def test_what_is_focused_is_seen(shared: Visit) -> None:
    """Whatever takes the focus by key has an outline."""
    reached = set()
    for _ in range(16):
        shared.page.keyboard.press("Tab")
        name, style, width = shared.page.evaluate(
            "() => { const it = document.activeElement, style = getComputedStyle(it);"
            " return [it.id || it.tagName, style.outlineStyle, parseFloat(style.outlineWidth)] }"
        )
        assert name == "BODY" or (style != "none" and width >= 2), name
        reached.add(name)
    assert reached >= {"copy", "SUMMARY", "BUTTON", "text", "group", "origin"}


def test_the_address_may_say_anything(shared: Visit) -> None:
    """What a link asks for and the page does not have is passed over; a change of it alone changes the view."""
    shared.go("#action=fly&group=%E4%B8%8D&origin=%3Cscript%3E&%%%&=&text")
    assert shared.shown() == View().of(PLAN)
    shared.page.goto(f"{shared.url}#action=delete+fly")
    expect(shared.page.get_by_role("status")).to_have_text("10 of 110")
    assert shared.shown() == View(actions=("delete",)).of(PLAN)


def test_the_digest_is_copied(visit: Opener) -> None:
    """One press puts the digest on the clipboard."""
    page = visit(crowd(3), permissions=["clipboard-read", "clipboard-write"]).page
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#digest").text_content()


def test_a_digest_that_cannot_be_copied(shared: Visit) -> None:
    """Where the browser gives no clipboard, the digest is selected for its reader to copy."""
    page = shared.page
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Selected")).to_be_visible()
    assert page.evaluate("getSelection().toString()") == page.locator("#digest").text_content()


def test_without_origins(visit: Opener) -> None:
    """Where nobody asked whose doing it is there is nothing to choose, and the other filters work."""
    actions = tuple(replace(action, changes=(), origin="") for action in crowd(11).actions)
    page = visit(replace(crowd(11), actions=actions), "#origin=drift&text=10003")
    assert page.shown() == ["10003"]
    expect(page.page.get_by_label("Origin")).to_have_count(0)
    page.page.get_by_role("button", name="Clear").click()
    assert len(page.shown()) == 11


def test_without_scripts(visit: Opener) -> None:
    """Every action can be read where no script runs, and what only scripts can do is not offered."""
    page = visit(PLAN, java_script_enabled=False)
    assert page.shown() == View().of(PLAN)
    for role in ("button", "searchbox", "combobox"):
        assert page.page.get_by_role(role).count() == 0
    expect(page.page.locator(".chart")).to_contain_text("delete")


def test_nothing_to_change(visit: Opener) -> None:
    """A plan without actions says so, and offers nothing to filter."""
    page = visit(crowd(0)).page
    expect(page.get_by_text("Nothing to change")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_have_count(0)


def test_on_paper(shared: Visit) -> None:
    """Printed, no control is left, every row is there, and a part says that it is not the whole."""
    page = shared.page
    page.emulate_media(media="print")
    expect(page.locator("input, select, #clear, #copy").filter(visible=True)).to_have_count(0)
    expect(page.locator("#count")).to_be_hidden()
    assert page.locator("li.row").first.evaluate("row => getComputedStyle(row).contentVisibility") == "visible"
    shared.go("#action=delete")
    expect(page.locator("#count")).to_have_text("10 of 110")
    expect(page.locator("#count")).to_be_visible()
    page.emulate_media(media="screen")


LONG = ("W" * 200, "长" * 200, "a" * 20 + "\u200b" * 20, "e\u0301" * 100)


def test_nothing_is_wider_than_the_screen(visit: Opener) -> None:
    """The page never scrolls sideways, however narrow the screen and however long the names and values."""
    actions = [
        replace(action, operator_id=f"{action.operator_id}{long}", name=long, blocked=Text(action.blocked and long))
        for action, long in zip(crowd(44).actions, LONG * 11, strict=True)
    ]
    plan = replace(crowd(44), actions=tuple(actions), endpoint=f"https://{LONG[0]}", files=(LONG[0],), recipients=LONG)
    page = visit(plan).page
    for width in (320, 390, 700, 1280):
        page.set_viewport_size({"width": width, "height": 700})
        assert page.evaluate(_WIDEST) <= width


_WIDEST = """() => {
  // A row off the screen has no layout before it is looked at.
  for (const row of document.querySelectorAll("li.row")) row.scrollIntoView();
  return Math.max(document.documentElement.scrollWidth, document.body.scrollWidth);
}"""

_CONTRAST = """(all) => {
  const parts = (text) => {
    const found = text.match(/[\\d.]+/g).map(Number), scale = text.startsWith("color(") ? 1 : 255;
    return [...found.slice(0, 3).map((part) => part / scale), found[3] ?? 1];
  };
  const light = (text) => {
    const [r, g, b] = parts(text).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (it) => {
    for (; it; it = it.parentElement) {
      const color = getComputedStyle(it).backgroundColor;
      if (parts(color)[3] > 0) return color;
    }
  };
  return all.filter((it) => it.checkVisibility() && it.textContent.trim()).map((it) => {
    const pair = [light(getComputedStyle(it).color), light(behind(it))].sort((a, b) => b - a);
    return [it.className + " " + it.textContent.slice(0, 30), (pair[0] + 0.05) / (pair[1] + 0.05)];
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(shared: Visit, scheme: Literal["light", "dark"]) -> None:
    """Every text has the contrast that WCAG asks of small ones, on light and on dark."""
    page = shared.page
    page.emulate_media(color_scheme=scheme)
    page.get_by_role("button", name="edit").click()
    texts = "h1, h2, h3, p, dt, dd, b, bdi, code, time, strong, summary, span, button, input, select, li.row"
    found = page.eval_on_selector_all(texts, _CONTRAST)
    assert len(found) > 300
    assert [(name, round(ratio, 2)) for name, ratio in found if ratio < 4.5] == []


_ACT = """([kind, value]) => {
  const box = document.querySelector("#text");
  if (kind === "press") document.querySelector(`.chart li.${value} button`).click();
  else { box.value = value; box.dispatchEvent(new Event("input")); }
}"""


@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.exhaustive(0))])
def test_a_crowd(visit: Opener, count: int) -> None:
    """With thousands of actions a filter shows exactly those that it asks for, in order, and all when it is gone."""
    plan = crowd(count)
    seen = visit(plan)
    page = seen.page
    for kind, value, view in (
        ("type", "张", View(text="张")),
        ("type", "张 售后", View(text="张 售后")),
        ("type", "", View()),
        ("press", "delete", View(actions=("delete",))),
        ("press", "delete", View()),
    ):
        page.evaluate(_ACT, [kind, value])
        wanted = view.of(plan)
        assert (0 < view.count(plan) < count) == (view != View())
        assert seen.shown() == wanted
        expect(page.get_by_role("status")).to_have_text(f"{view.count(plan):,} of {count:,}")
