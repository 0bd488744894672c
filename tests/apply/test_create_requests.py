"""What the answers to create requests say of an agent that is there all the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.apply.create_requests import CreateRequests
from reconciler.core.authorship import Author
from reconciler.core.model.message import text
from reconciler.vendor.answer import Lost, NotSent, Ok, Outcome, Refused
from tests.core.build import live_agent

NO, BROKEN, LOST, AWAY = (
    Refused(20005, text("in use")),
    Refused(500, text("internal error")),
    Lost(text("no answer")),
    NotSent(text("429")),
)
ANSWERS = st.lists(st.sampled_from([NO, BROKEN, LOST, AWAY, Ok()]), max_size=5)
AUTHORS = st.sampled_from(["ours", "stranger", "unproved", "unknown"])
NOW = 1_700_000_000_000


def asked(*answers: Outcome, ids: tuple[str, ...] = ("8001",), at: int | None = NOW) -> CreateRequests:
    """The requests of a run, each with its answer."""
    requests = CreateRequests()
    for answer in answers:
        requests.sent(ids, at)
        requests.answered(ids, answer)
    return requests


@given(ANSWERS)
def test_one_request_that_may_have_acted_is_not_forgotten(answers: list[Outcome]) -> None:
    """Whatever is refused in words later or before: a server error, a lost answer and a success stay what they are."""
    may_have_acted = any(answer not in (NO, AWAY) for answer in answers)
    assert asked(*answers).denied("8001") == (not may_have_acted)
    assert asked(*answers).denied("8002")


@given(ANSWERS, ANSWERS, AUTHORS)
def test_a_single_agent_is_ours_by_its_own_request(together: list[Outcome], alone: list[Outcome], by: Author) -> None:
    """No weighing makes an agent ours. It stays ours where its own request may have made it, and no batch may have."""
    requests = asked(*together, ids=("8001", "8002"))
    for answer in alone:
        requests.sent(("8001",), NOW)
        requests.answered(("8001",), answer)
    acted = [any(answer not in (NO, AWAY) for answer in answers) for answers in (together, alone)]
    weighed = requests.weigh_one("8001", by, live_agent("8001"), by_batch=False)
    assert weighed == ("unproved" if by == "ours" and acted != [False, True] else by)


@pytest.mark.parametrize(
    ("answer", "created", "author"),
    [(BROKEN, None, "ours"), (NO, NOW, "ours"), (NO, NOW - 60_000, "unproved"), (NO, None, "unproved")],
)
def test_a_whole_batch_that_was_refused(answer: Outcome, created: int | None, author: str) -> None:
    """After a server error its values show it; after a refusal in words the vendor's clock must show it as well."""
    agents = [replace(live_agent(id_), created=created) for id_ in ("8001", "8002")]
    requests = asked(answer, ids=("8001", "8002"))
    assert requests.weigh_batch({"8001": "ours", "8002": "ours"}, agents) == {"8001": author, "8002": author}
    assert requests.weigh_one("8001", "ours", agents[0], by_batch=True) == author


def test_the_first_request_counts() -> None:
    """What was made between a request and its repetition may be of the first one."""
    requests = asked(NO, ids=("8001", "8002"), at=NOW)
    requests.sent(("8001", "8002"), NOW + 60_000)
    agents = [replace(live_agent("8001"), created=NOW + 1000)]
    assert requests.weigh_batch({"8001": "ours"}, agents) == {"8001": "ours"}
