"""A plan as a page, read by a strict parser: its parts, its policy, and whose text stands where."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from base64 import b64encode
from dataclasses import replace
from functools import cache
from typing import Final
from xml.etree.ElementTree import Element

import pytest

from reconciler.core.model.desired import Company
from reconciler.core.model.diff import FieldChange
from reconciler.core.model.message import Text
from reconciler.core.model.plan import Note
from reconciler.render import html
from reconciler.render.alike import alike_rows
from reconciler.render.rows import KINDS
from reconciler.render.spelling import spelled_name, spelled_pair
from reconciler.render.terminal import visible
from tests.browser.plans import HEADING, crowd
from tests.hostile import GROUPS, MARK, assert_holds_for
from tests.render.golden_cases import CASES, plan_of

from .build import everywhere
from .reading import elements, text
from .sheet import action, first, having, parsed, planned, words

PLANS: Final = {
    **{case: plan_of(case) for case in CASES},
    "crowd": crowd(66),
    "hostile text": everywhere(" ".join(GROUPS["HTML"].values())),
}


@cache
def page_of(name: str) -> Element:
    """The page of one of the plans."""
    return parsed(PLANS[name])


# The page as a document


@pytest.mark.parametrize("name", PLANS)
def test_the_page_is_good_html(name: str) -> None:
    """A strict parser finds nothing wrong, and no id stands twice."""
    ids = [id_ for element in elements(page_of(name)) if (id_ := element.get("id"))]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", PLANS)
def test_the_policy_names_what_is_on_the_page(name: str) -> None:
    """One style and one script, the policy allows exactly these, and it stands before both."""
    root = page_of(name)
    (style,), (script,) = root.iter("style"), root.iter("script")
    hashes = [b64encode(hashlib.sha256(text(it).encode()).digest()).decode() for it in (style, script)]
    (policy,) = [it for it in root.iter("meta") if it.get("http-equiv") == "Content-Security-Policy"]
    assert policy.get("content") == (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )
    everything = list(elements(root))
    assert everything.index(policy) < everything.index(style) < everything.index(script)


LOADING: Final = {"a", "base", "embed", "form", "frame", "iframe", "img", "link", "object", "video", "audio", "image"}


@pytest.mark.parametrize("name", PLANS)
def test_nothing_on_the_page_loads_or_acts(name: str) -> None:
    """No element asks for anything; no attribute is a style, a handler or an address."""
    for element in elements(page_of(name)):
        assert element.tag not in LOADING
        for key in element.attrib:
            assert not key.startswith("on")
            assert key not in {"style", "href", "src", "srcdoc", "action", "formaction", "background", "xlink:href"}


def test_the_style_asks_for_nothing() -> None:
    """Neither a font nor a picture is loaded by the style, nor anything by the script."""
    told = html.plan(crowd(0), HEADING)
    assert not [word for word in ("url(", "@import", "@font-face", "fetch(", "XMLHttpRequest", "eval(") if word in told]


@pytest.mark.parametrize("name", PLANS)
def test_every_action_is_there_once(name: str) -> None:
    """Each action is in one row, under its kind; those that most need a look come first, in the plan's order."""
    root, plan = page_of(name), PLANS[name]
    sections = [(section.get("data-kind"), having(section, "row")) for section in having(root, "kind")]
    found = [(kind, first(row, "id"), first(row, "name")) for kind, rows in sections for row in rows]
    wanted = [
        (kind, " ".join(row.head.split()), " ".join(spelled_name(row.common.name).split()) if row.one_name else "")
        for kind in KINDS
        for row in alike_rows(plan.actions)
        if kind == ("blocked" if row.common.blocked else row.common.kind)
    ]
    assert found == wanted
    assert sum(int(row.get("data-count", "1")) for row in having(root, "row")) == len(plan.actions)


@pytest.mark.parametrize("name", PLANS)
def test_the_chart_counts(name: str) -> None:
    """The chart has the summary's counts, and no bar is longer than the page or missing where there is a count."""
    (chart,) = having(page_of(name), "chart")
    counts = {words(having(item, "word")[0]): int(words(having(item, "number")[0]).replace(",", "")) for item in chart}
    assert counts == PLANS[name].summary
    for item in chart:
        width = float([rect for rect in item.iter() if str(rect.tag).endswith("rect")][-1].attrib["width"])
        kind = words(having(item, "word")[0])
        assert (0 < width <= 100) == (counts[kind] > 0 and kind != "unchanged")


def test_one_among_many_is_seen() -> None:
    """A count that is small beside another still has a bar."""
    edits = [replace(action(), operator_id=f"9{number:03}") for number in range(200)]
    (chart,) = having(parsed(planned(action("delete"), *edits)), "chart")
    widths = {
        item.get("class"): [float(it.attrib["width"]) for it in item.iter() if "width" in it.attrib][-1]
        for item in chart
    }
    assert widths["edit"] == 100
    assert widths["delete"] == 2
    assert widths["create"] == 0


def test_the_same_plan_is_the_same_page() -> None:
    """The bytes depend on plan and heading alone, not on the order in which a process has its sets."""
    script = (
        "import sys; from reconciler.render import html; from tests.browser.plans import *;"
        "sys.stdout.buffer.write(html.plan(crowd(66), HEADING).encode())"
    )
    pages = {
        subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert pages == {html.plan(crowd(66), HEADING).encode()}


def test_the_library_is_asked_for_only_here() -> None:
    """Without the extra the other formats work, and this one is an ImportError."""
    script = (
        "import sys; sys.modules['jinja2'] = None\n"
        "from reconciler.render import FORMATS; from tests.browser.plans import *\n"
        "FORMATS['text'](crowd(3), HEADING)\n"
        "try: FORMATS['html'](crowd(3), HEADING)\n"
        "except ImportError as error: sys.exit(0 if error.name == 'jinja2' else 3)\n"
        "sys.exit(4)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


# Whose text stands where


def test_what_others_wrote_stands_apart() -> None:
    """Each text of somebody else is isolated, so that its direction moves nothing around it."""
    root = parsed(everywhere("שלום"))
    parents = {child: parent for parent in elements(root) for child in parent}
    found = [it for it in elements(root) if "שלום" in "".join([it.text or "", *(child.tail or "" for child in it)])]
    assert len(found) > 60
    assert {it.tag for it in found} == {"bdi", "title", "option"}
    assert all(parents[it].tag in ("head", "select") for it in found if it.tag != "bdi")


def test_hostile_text_is_text() -> None:
    """A name is on the page as text, letter by letter, with what hides made visible; never as markup."""

    def rule(hostile: str) -> None:
        plan = planned(replace(action("edit", FieldChange("ttscontent", hostile, f"a{hostile}")), name=hostile))
        plan = replace(plan, notes=(Note(Text(hostile)),), company=Company(hostile), endpoint=hostile, files=(hostile,))
        root, shown = parsed(plan), visible(hostile)
        texts = [text(it) for it in root.iter("bdi")]
        spelled = {shown, spelled_name(hostile), spelled_pair(hostile, f"a{hostile}")[0].whole}
        assert sum(texts.count(each) for each in spelled) == 6
        assert shown in text(next(root.iter("title")))

    assert_holds_for(
        {name: text for group in ("HTML", "hiding", "lines") for name, text in GROUPS[group].items()}, rule
    )


def test_no_secret_is_on_the_page() -> None:
    """Where a password comes from is said; a plan has nothing more of it."""
    told = words(having(parsed(PLANS["mixed"]), "password")[-1])
    assert "AGENT_8003" in told
    assert "secrets/8004" in told


def test_the_mark_is_everywhere() -> None:
    """What somebody else wrote is not left out: every place of a plan is on the page."""
    assert html.plan(everywhere(MARK), HEADING).count(MARK) > 150
