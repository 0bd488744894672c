from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from benchmarks.data import PAGE_SIZE, changed, desired_file, pages
from benchmarks.vendor import Vendor
from reconciler.core.desired.read import read_desired
from reconciler.core.model.desired import Policy
from reconciler.core.model.plan import Plan
from reconciler.core.model.secret import Secret
from reconciler.core.planning.make_plan import live_state, make_plan
from reconciler.settings import Connection
from reconciler.vendor.http import connected
from reconciler.vendor.reader import Reader
from tests.bench import COUNT

PAGE = Path(__file__).parents[2] / "docs/performance.md"


def planned(seller: Vendor) -> Plan:
    """The generator's file against its pages."""
    desired, problems = read_desired("agents.yaml", desired_file(COUNT))
    assert desired is not None, problems
    with connected(Connection(seller.endpoint, Secret("any"), rate=0)) as transport:
        live = live_state(Reader(transport, desired.company).listing())
    return make_plan(desired, live, {}, Policy())


def test_one_agent_in_a_hundred_is_edited(seller: Vendor) -> None:
    """Our client reads the page server, and the plan has one edit of a name in a hundred agents, and nothing else."""
    plan = planned(seller)
    assert plan.summary == dict.fromkeys(plan.summary, 0) | {"edit": 3, "unchanged": COUNT - 3}
    assert changed(COUNT) == 3
    assert {change.field for action in plan.actions for change in action.changes} == {"name"}


def test_every_page_is_counted_once(seller: Vendor) -> None:
    """The page server counts the pages that it was asked for, and a listing asks for each once."""
    before = seller.asked
    planned(seller)
    assert seller.asked - before == 3


def test_pages_are_full_but_for_the_last() -> None:
    """A listing of nobody is one empty page; any other has full pages and the rest on one more."""
    full = PAGE_SIZE
    for count, sizes in ((0, [0]), (1, [1]), (full, [full]), (full + 1, [full, 1]), (2 * full, [full, full])):
        assert [len(json.loads(page)["data"]["result"]) for page in pages(count)] == sizes


def test_an_agent_has_sixteen_keys() -> None:
    """Every agent of the file has as many keys as the page on performance says, and the listing knows each of them."""
    (said,) = re.findall(r"The agents are made up: (\d+) keys each", PAGE.read_text(encoding="utf-8"))
    agents = yaml.safe_load(desired_file(COUNT))["agents"]
    rows = [row for page in pages(COUNT) for row in json.loads(page)["data"]["result"]]
    assert len(agents) == len(rows) == COUNT
    assert {len(agent) for agent in agents} == {int(said)}
    assert [sorted(agent.keys() - row.keys()) for agent, row in zip(agents, rows, strict=True)] == [[]] * COUNT
