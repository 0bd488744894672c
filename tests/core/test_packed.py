"""A desired state, or problems, through plain values and back."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import pytest
from hypothesis import given

from reconciler.core import packed as module
from reconciler.core.desired import company_at_head, read_desired
from reconciler.core.model import Company, DesiredState, Place, Problem
from reconciler.core.packed import packed, unpacked
from tests.core.build import HEAD, agent, desired, env
from tests.strategies import desired_states


@given(desired_states())
def test_there_and_back(state: DesiredState) -> None:
    """A state is the same on the other side, however many parts it goes in."""
    for each in (1, 2, 4000):
        with patch.object(module, "AGENTS_A_PART", each):
            assert unpacked(packed(state, ())) == (state, ())


def test_a_whole_state() -> None:
    """Limits, recipients, patterns and passwords go along; no part is asked for that is not there."""
    state = desired(agent("1", env(), name="x"), agent("2"), scope=("*",), protect=("9*",), max_deletes="0")
    parts = packed(state, ())
    assert unpacked(parts) == (state, ())
    assert list(parts) == []


def test_problems() -> None:
    """Problems come as they are, and alone."""
    problems = (
        Problem(Place("a.yaml", 3, 4), "agents[0]", "what", "how"),
        Problem(Place("b.yaml", 1), "", "else"),
    )
    parts = list(packed(None, problems))
    assert len(parts) == 1
    assert unpacked(iter(parts)) == (None, problems)


def test_an_end_before_the_end() -> None:
    """Parts that end too early are no state."""
    state = desired(agent("1"), agent("2"))

    def cut() -> Iterator[bytes]:
        yield next(packed(state, ()))
        raise EOFError

    with pytest.raises(EOFError):
        unpacked(cut())


@pytest.mark.parametrize(
    "text",
    [
        HEAD,
        "version: 1\nscope: {operatorId: ['*']}\ncompany:\n  abbreviate: acme\nagents: []\n",
        "# 注释\n---\ncompany: {abbreviate: &a acme}\nprotect: [*a]\n",
        "{version: 1, company: {abbreviate: acme}, agents: []}",
        "defaults: &d {afterInterval: 1}\nversion: 1\ncompany: {abbreviate: acme}\nprofiles: {p: *d}",
        HEAD + "agents: [\n",
    ],
)
def test_the_company_stands_at_the_head(text: str) -> None:
    """The company is known before the agents are read, and is that of the whole file."""
    company = company_at_head(text.encode())
    assert company == Company("acme")
    state, problems = read_desired("agents.yaml", text.encode())
    assert problems if state is None else state.company == company


def test_a_company_with_an_id() -> None:
    """Its id is known with it."""
    assert company_at_head(b"company: {abbreviate: a, companyId: 7}\nversion: 1\n") == Company("a", 7)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version: 1\n",
        "- company\n",
        "--- 1",
        "version: 1\nagents: []\ncompany: {abbreviate: acme}\n",
        "pools: []\ncompany: {abbreviate: acme}\n",
        "? [a]\n: 1\ncompany: {abbreviate: acme}\n",
        "company: acme\n",
        "company: {abbreviate: 1}\n",
        'company: {abbreviate: ""}\n',
        "company: {abbreviate: acme, abbreviate: other}\n",
        "company: {abbreviate: acme, nope: 1}\n",
        "company: {abbreviate: acme, companyId: 1.0}\n",
        "company: {abbreviate: *x}\n",
        "company: {abbreviate: !env acme}\n",
        "company: {abbreviate: acme\n",
        "defaults: " + "[" * 65 + "]" * 65 + "\ncompany: {abbreviate: acme}\n",
        "company: {abbreviate: acme}\n# \ufeff",
        "version: 1\ncompany:\n",
    ],
)
def test_a_company_that_cannot_plainly_be_told(text: str) -> None:
    """Behind the agents, damaged or wrong, it is left to whoever reads the whole file."""
    assert company_at_head(text.encode()) is None


def test_without_libyaml_nothing_is_told_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML's Python parser is not asked twice."""
    monkeypatch.setattr("reconciler.core.document._HAS_LIBYAML", False)
    assert company_at_head(HEAD.encode()) is None
