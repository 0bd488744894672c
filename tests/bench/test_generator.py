from __future__ import annotations

from benchmarks.data import PAGE_SIZE, changed, desired_file, fields, pages
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
    """A listing of nobody is one empty page; any other has no page more than it needs."""
    assert [len(list(pages(count))) for count in (0, 1, PAGE_SIZE, PAGE_SIZE + 1)] == [1, 1, 1, 2]


def test_an_agent_has_sixteen_keys() -> None:
    """The page on performance says sixteen."""
    assert len(fields("100000")) == 16
