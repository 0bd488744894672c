"""One browser for a worker, and pages in it that tell everything that they did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page

from reconciler.core.model.plan import Plan
from reconciler.render import html

from .chromium import executable, launched
from .plans import HEADING, PLAN


@dataclass(slots=True)
class Visit:
    """A page that is open, and what it asked for and complained about since."""

    page: Page
    url: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """What was to be asked for, and was not because the page's own policy forbids it."""

    def watch(self) -> None:
        """Note everything that happens, and let no dialog stop the page."""
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("requestfailed", lambda request: self.refused.extend([request.url] * (request.failure == "csp")))
        self.page.on("console", lambda said: self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self._dismiss(dialog))  # Playwright marks the owner of a method.

    def _dismiss(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def go(self, fragment: str = "") -> None:
        """Load the page anew, at this view."""
        loaded = self.page.url.startswith(self.url)
        self.page.goto(self.url + fragment)
        if loaded:
            # Another fragment alone loads nothing.
            self.page.reload()

    def shown(self) -> list[str]:
        """The ids of the rows that can be seen, in their order."""
        script = "all => all.filter(row => row.checkVisibility()).map(row => row.querySelector('.id').textContent)"
        found: list[str] = self.page.eval_on_selector_all("li.row", script)
        return found

    def check(self) -> None:
        """The page was quiet: it asked for itself alone, and nothing broke or was kept from acting."""
        assert {url.partition("#")[0] for url in self.requests} == {self.url}
        assert self.complaints == []
        assert self.dialogs == []


Opener = Callable[..., Visit]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; where there is none, what needs it is skipped."""
    path = executable()
    if path is None:
        pytest.skip("there is no Chromium here")
    with launched(path) as running:
        yield running


def _open(context: BrowserContext, what: Plan | str, file: Path, fragment: str = "") -> Visit:
    file.write_text(what if isinstance(what, str) else html.plan(what, HEADING), encoding="utf-8")
    made = Visit(context.new_page(), file.as_uri())
    made.watch()
    made.go(fragment)
    return made


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Opener]:
    """Opens a plan's page (or any text) in a context of its own; at the end every page must have been quiet."""
    contexts: list[BrowserContext] = []
    visits: list[Visit] = []

    def opened(what: Plan | str, fragment: str = "", *, quiet: bool = True, **options: Any) -> Visit:
        contexts.append(browser.new_context(**options))
        made = _open(contexts[-1], what, tmp_path / f"{len(contexts)}.html", fragment)
        visits.extend([made] if quiet else [])
        return made

    yield opened
    for each in visits:
        each.check()
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def _shared(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    context = browser.new_context()
    yield _open(context, PLAN, tmp_path_factory.mktemp("page") / "plan.html")
    context.close()


@pytest.fixture
def shared(_shared: Visit) -> Iterator[Visit]:
    """The page of `PLAN`, loaded anew in a tab that tests share, for a new one costs more than a test."""
    _shared.go()
    yield _shared
    _shared.check()
