"""Which calls a rule hits: endpoints, counters, agents, chance, order; and rules that are replaced."""

from __future__ import annotations

import http.client
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from reconciler.sandbox.faults import Faults
from reconciler.sandbox.handlers import HANDLERS
from reconciler.sandbox.rules import rules_of
from reconciler.sandbox.server import Box, running
from reconciler.sandbox.traffic import MOST_ATTEMPTS, Attempt, Traffic
from reconciler.sandbox.vendor import VendorCall

from .client import JSON, PREFIX, Client


def hits(rules: Sequence[Mapping[str, Any]], calls: list[VendorCall], seed: int = 0) -> list[str | None]:
    """The fault that hits each of these calls in turn."""
    faults = Faults(rules_of(rules), seed)
    return [None if rule is None else rule.fault for rule in map(faults.hit, calls)]


def pages(count: int, **body: Any) -> list[VendorCall]:
    """So many calls of page."""
    return [VendorCall("page", body)] * count


@pytest.mark.parametrize(
    ("endpoint", "hit"),
    [
        ("*", set(HANDLERS)),
        ("writes", {"create/v2", "edit/v2", "del/v2", "editPwd"}),
        ("reads", {"one/v2", "page"}),
        *((name, {name}) for name in HANDLERS),
    ],
)
def test_endpoints(endpoint: str, hit: set[str]) -> None:
    """A rule is for one endpoint, for writes, for reads or for all."""
    struck = {
        name for name in HANDLERS if hits([{"endpoint": endpoint, "fault": "html"}], [VendorCall(name, {})]) != [None]
    }
    assert struck == hit


@pytest.mark.parametrize(
    ("calls", "hit"),
    [
        ("all", [1, 2, 3, 4, 5, 6, 7]),
        ([1, 3], [1, 3]),
        ([7], [7]),
        ({"every": 3}, [3, 6]),
        ({"every": 1}, [1, 2, 3, 4, 5, 6, 7]),
        ({"from": 6}, [6, 7]),
    ],
)
def test_calls(calls: object, hit: list[int]) -> None:
    """Calls are counted from 1: some, all, every so many, or from one on."""
    struck = hits([{"endpoint": "page", "calls": calls, "fault": "html"}], pages(7))
    assert [number for number, fault in enumerate(struck, 1) if fault] == hit


def test_without_calls_all_are_hit() -> None:
    """A rule that names no calls hits all."""
    assert hits([{"endpoint": "page", "fault": "html"}], pages(2)) == ["html", "html"]


def test_a_rule_counts_its_own_endpoint() -> None:
    """Calls of other endpoints are not counted."""
    calls = [VendorCall("one/v2", {}), VendorCall("page", {}), VendorCall("one/v2", {}), VendorCall("page", {})]
    assert hits([{"endpoint": "page", "calls": [2], "fault": "html"}], calls) == [None, None, None, "html"]


@pytest.mark.parametrize(
    ("body", "hit"),
    [
        ({"operatorId": "8001"}, True),
        ({"operatorIds": ["8000", "8001"]}, True),
        ({"operatorId": "8002"}, False),
        ({"operatorIds": ["8002"]}, False),
        ({"operatorId": 8001}, False),
        ({"operatorIds": "8001"}, False),
        ({}, False),
    ],
)
def test_one_agents_calls(body: dict[str, Any], hit: bool) -> None:
    """With an operatorId, a rule sees only calls whose body names it, alone or in a list."""
    rule = {"endpoint": "*", "operatorId": "8001", "calls": [1], "fault": "html"}
    assert hits([rule], [VendorCall("del/v2", body)]) == ["html" if hit else None]


def test_one_agents_calls_are_counted_alone() -> None:
    """With an operatorId, the calls of others are not counted."""
    calls = [VendorCall("one/v2", {"operatorId": each}) for each in ("8001", "8002", "8001")]
    rule = {"endpoint": "one/v2", "operatorId": "8001", "calls": [2], "fault": "html"}
    assert hits([rule], calls) == [None, None, "html"]


def test_the_first_rule_decides() -> None:
    """Of several rules that hit a call, the first in the file decides."""
    rules: list[dict[str, Any]] = [
        {"endpoint": "page", "calls": [2], "fault": "cut"},
        {"endpoint": "reads", "fault": "html"},
        {"endpoint": "*", "fault": "hang"},
    ]
    assert hits(rules, pages(3)) == ["html", "cut", "html"]


def test_a_rule_counts_what_another_hits() -> None:
    """A rule counts the calls that an earlier one takes from it, so that numbers mean calls on the wire."""
    rules = [
        {"endpoint": "page", "calls": [1, 2], "fault": "cut"},
        {"endpoint": "page", "calls": [2, 3], "fault": "html"},
    ]
    assert hits(rules, pages(4)) == ["cut", "cut", "html", None]


def test_a_rule_that_would_change_nothing_gives_way() -> None:
    """A short list is left to the next rule."""
    rules: list[dict[str, Any]] = [
        {"endpoint": "del/v2", "fault": "limit-list", "max": 1},
        {"endpoint": "writes", "fault": "html"},
    ]
    calls = [VendorCall("del/v2", {"operatorIds": ids}) for ids in (["1", "2"], ["1"], "12")]
    assert hits(rules, calls) == ["limit-list", "html", "html"]


def chance(probability: float, seed: int) -> list[str | None]:
    """Two hundred calls under a rule of chance."""
    return hits([{"endpoint": "page", "probability": probability, "fault": "html"}], pages(200), seed)


def test_chance_is_the_seeds() -> None:
    """The same seed draws the same calls, another seed others."""
    assert chance(0.3, 1) == chance(0.3, 1) != chance(0.3, 2)
    assert 0 < chance(0.3, 1).count("html") < 200


def test_the_ends_of_chance() -> None:
    """A probability of 0 never hits and one of 1 always."""
    assert set(chance(0, 1)) == {None}
    assert set(chance(1, 1)) == {"html"}


def test_no_rule_shifts_anothers_chance() -> None:
    """What a rule draws does not depend on what other rules hit."""
    never = {"endpoint": "one/v2", "probability": 0.5, "fault": "cut"}
    sometimes = {"endpoint": "page", "probability": 0.3, "fault": "html"}
    mixed = [call for page in pages(200) for call in (VendorCall("one/v2", {}), page)]
    assert hits([never, sometimes], mixed)[1::2] == hits([never, sometimes], pages(200))


def test_chance_and_numbers() -> None:
    """A call must be both numbered and drawn."""
    rule = {"endpoint": "page", "probability": 0.5, "calls": {"every": 2}, "fault": "html"}
    struck = hits([rule], pages(100))
    assert set(struck[0::2]) == {None}
    assert set(struck[1::2]) == {None, "html"}


def test_the_seed_of_a_sandbox() -> None:
    """A sandbox's seed decides its chances, until another is given with other rules."""
    rules = [{"endpoint": "page", "probability": 0.5, "fault": "429"}]

    def drawn(box: Box) -> list[str | None]:
        box.store.reset()
        for _ in range(20):
            Client(box.url).call("page")
        return [attempt.fault for attempt in box.store.attempts()]

    with running(seed=3, faults=rules) as box:
        first = drawn(box)
        box.faults(rules, seed=4)
        other = drawn(box)
        box.faults(rules, seed=3)
        assert drawn(box) == first != other


def test_replaced_faults(box: Box) -> None:
    """Other rules take effect at the next call, with counters at nothing; and with none, nothing goes wrong."""
    client = Client(box.url)
    rule = {"endpoint": "page", "calls": [1], "fault": "refuse"}
    for _ in range(2):
        box.faults([rule])
        assert [client.code("page") for _ in range(2)] == [20099, 200]
    box.faults([{**rule, "code": 7}])
    box.faults()
    assert client.code("page") == 200


def test_a_reset_leaves_the_rules(box: Box) -> None:
    """A reset of the store leaves the rules and their counters."""
    client = Client(box.url)
    box.faults([{"endpoint": "page", "calls": [2], "fault": "refuse"}])
    assert client.code("page") == 200
    box.store.reset()
    assert client.code("page") == 20099


def test_wrong_rules_replace_nothing(box: Box) -> None:
    """Rules that are wrong are refused, and the earlier ones stay."""
    box.faults([{"endpoint": "page", "fault": "refuse"}])
    with pytest.raises(ValueError, match="rule 1: fault"):
        box.faults([{"endpoint": "page", "fault": "refuze"}])
    assert Client(box.url).code("page") == 20099


def test_attempts(box: Box) -> None:
    """Every request is an attempt, in order: reads, writes, refused ones, and those that the door refused."""
    client = Client(box.url)
    box.faults([{"endpoint": "editPwd", "fault": "refuse"}])
    client.call("page", pageNumber=0)
    client.call("create/v2", operatorId="8001", batchFlag=1, batchSize=2)
    client.call("create/v2", operatorId="8001")
    client.call("one/v2", operatorId="8002")
    client.call("editPwd", operatorId="8002", password="0" * 32)
    client.call("del/v2", operatorIds=["8001", "8002"])
    client.raw("page", b"{}", token=None)
    client.raw("nothing", b"")
    assert box.store.attempts() == [
        Attempt("page", [], None, False),
        Attempt("create/v2", ["8001", "8002"], None, True),
        Attempt("create/v2", ["8001"], None, False),
        Attempt("one/v2", ["8002"], None, False),
        Attempt("editPwd", ["8002"], "refuse", False),
        Attempt("del/v2", ["8001", "8002"], None, True),
        Attempt("page", [], None, False),
        Attempt("nothing", [], None, False),
    ]


def test_a_reset_forgets_the_attempts(box: Box) -> None:
    """After a reset there are no attempts."""
    Client(box.url).call("page")
    box.store.reset()
    assert box.store.attempts() == []


def test_attempts_do_not_grow_for_ever() -> None:
    """Only the last 100,000 attempts are kept."""
    traffic = Traffic()
    for number in range(MOST_ATTEMPTS + 1):
        traffic.record_arrival(str(number), [])
    assert (len(traffic.attempts()), traffic.attempts()[0].endpoint) == (MOST_ATTEMPTS, "1")


def test_what_the_door_refuses_no_rule_counts() -> None:
    """A request without the right token is neither hit nor counted."""
    with running(token="right", faults=[{"endpoint": "page", "calls": [1], "fault": "refuse"}]) as box:
        client = Client(box.url)
        assert client.raw("page", b"{}", token="wrong").status == 401
        assert client.raw("page", b"{}", token="right").envelope["code"] == 20099


def test_the_file_is_read_once(tmp_path: Path) -> None:
    """A thousand requests on one connection read no file: it is gone, and its rules are in force to the last."""
    file = tmp_path / "faults.yaml"
    file.write_text("[{endpoint: page, calls: {every: 500}, fault: refuse}]")
    with running(faults=file) as box:
        file.unlink()
        codes = asked(box, 1000)
        assert [number for number, code in enumerate(codes, 1) if code != 200] == [500, 1000]


def test_without_faults_nothing_is_hit(box: Box) -> None:
    """A thousand requests without rules are all answered, on one connection that nobody cuts."""
    assert asked(box, 1000) == [200] * 1000
    assert box.store.attempts() == [Attempt("page", [], None, False)] * 1000


def asked(box: Box, count: int) -> list[int]:
    """The codes of so many pages, asked for one after the other on one connection."""
    connection = http.client.HTTPConnection(urlsplit(box.url).netloc, timeout=30)
    codes = []
    for _ in range(count):
        connection.request("POST", PREFIX + "page", b'{"abbreviate": "acme"}', {"Content-Type": JSON, "token": "t"})
        codes.append(int(connection.getresponse().read().split(b":")[1].split(b",")[0]))
    connection.close()
    return codes
