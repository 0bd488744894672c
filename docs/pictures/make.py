"""Draws the pictures of README and docs/plan.md: one plan on a terminal, as a page, as a comment.

`python -m docs.pictures.make` writes them, from the three files here. It needs Chromium, and fonts with Chinese.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt
from playwright.sync_api import Browser
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from reconciler.core.desired.read import read_desired
from reconciler.core.model.desired import DesiredState, Policy
from reconciler.core.model.fields import LISTED
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.model.plan import Plan
from reconciler.core.planning.make_plan import live_state, make_plan
from reconciler.core.planning.origin import with_origins
from reconciler.core.planning.policy_changes import policy_changes
from reconciler.render import html, markdown, text
from reconciler.render.heading import Heading
from tests.browser.chromium import executable, launched

FOLDER: Final = Path(__file__).parent
HEADING: Final = Heading("0.1.0", "2026-11-22T10:00:00Z", 20.0, color=True)
LEDGER: Final = {"8005": LedgerEntry(1)}
COLUMNS: Final = 92
THEME: Final = TerminalTheme(
    (27, 30, 35),
    (214, 218, 224),
    [
        *((59, 66, 76), (255, 143, 133), (127, 209, 154), (227, 179, 65)),
        *((138, 180, 248), (208, 160, 242), (111, 207, 217), (214, 218, 224)),
    ],
)
PAGE: Final = """<!DOCTYPE html>
<meta charset="utf-8">
<style>
body {{ margin: 0; background: transparent; }}
main {{ width: fit-content; background: {background}; border-radius: 10px; padding: 12px 20px 16px; }}
main::before {{ content: "● ● ●"; color: #4a525d; font: 13px sans-serif; letter-spacing: 2px; }}
pre {{ margin: 8px 0 0; color: {foreground}; font: 14px/1.45 "Noto Sans Mono CJK SC", monospace; }}
{stylesheet}
</style>
<main><pre>{code}</pre></main>
"""


COMMENT: Final = """<!DOCTYPE html>
<meta charset="utf-8">
<style>
body {{ margin: 0; background: transparent; }}
main {{ width: 980px; box-sizing: border-box; background: #fff; border: 1px solid #d0d7de; border-radius: 6px;
  padding: 4px 20px; color: #1f2328; font: 14px/1.5 "Noto Sans", "Noto Sans CJK SC", sans-serif; }}
code {{ font: 12px "Noto Sans Mono CJK SC", monospace; background: #eff1f3; border-radius: 6px; padding: 2px 5px; }}
pre {{ background: #f6f8fa; padding: 12px; border-radius: 6px; overflow: hidden; }}
pre code {{ background: none; padding: 0; }}
table {{ border-collapse: collapse; }}
th, td {{ border: 1px solid #d0d7de; padding: 4px 10px; text-align: left; }}
</style>
<main>{}</main>
"""


def state(name: str) -> DesiredState:
    """Read one of the files.

    Raises:
        SystemExit: the file has problems.
    """
    desired, problems = read_desired("agents.yaml", (FOLDER / name).read_bytes())
    if desired is None:
        raise SystemExit("\n".join(f"{problem.place}: {problem.message}" for problem in problems))
    return desired


def live() -> LiveState:
    """Return the live state that `live.yaml` describes."""
    defaults = {row.name: row.default for row in LISTED}
    agents = (LiveAgent(agent.operator_id, {**defaults, **agent.fields}) for agent in state("live.yaml").agents)
    return live_state(agents, endpoint="https://vendor.example")


def plan() -> Plan:
    """Make the plan that all pictures show, with the origin of each action and what the change does to the policy."""
    desired, earlier = state("agents.yaml"), state("before.yaml")
    now, before = (make_plan(each, live(), LEDGER, Policy()) for each in (desired, earlier))
    changes = policy_changes(earlier, desired, now.in_scope)
    return with_origins(replace(now, policy_changes=changes), before)


def terminal(shown: Plan) -> str:
    """Return a plan's text as HTML that looks like a terminal: every cell in its column."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), color_system="standard", force_terminal=True)
    printed = f"\x1b[2m$\x1b[0m reconciler plan --since origin/main\n{text.plan(shown, HEADING)}"
    console.print(Text.from_ansi(printed.rstrip()), end="")
    return console.export_html(theme=THEME, code_format=PAGE)


def comment(shown: Plan) -> str:
    """Return a plan's Markdown as HTML that looks like a comment on a pull request."""
    return COMMENT.format(MarkdownIt("gfm-like", {"linkify": False}).render(markdown.plan(shown, HEADING)))


def shoot(browser: Browser, page: str, name: str, height: int | None) -> None:
    """Take a picture of a page, 1280 pixels wide and `height` high; without a height, of its `main` element alone."""
    tab = browser.new_page(viewport={"width": 1280, "height": height or 900}, color_scheme="light")
    tab.set_content(page)
    target = tab if height else tab.locator("main")
    target.screenshot(path=FOLDER / name, omit_background=True)
    tab.close()


def main() -> None:
    """Write the pictures."""
    path = executable()
    if path is None:
        sys.exit("there is no Chromium here")
    shown = plan()
    with launched(path) as browser:
        shoot(browser, html.plan(shown, HEADING), "page.png", 1000)
        shoot(browser, terminal(shown), "terminal.png", None)
        shoot(browser, comment(shown), "comment.png", None)


if __name__ == "__main__":
    main()
