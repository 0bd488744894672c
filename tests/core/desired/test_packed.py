"""A desired state, or problems, through plain values and back."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import pytest

from reconciler.core.desired import packed as module
from reconciler.core.desired.packed import packed_company, packed_problems, packed_state, unpacked, unpacked_company
from reconciler.core.desired.read import (
    ParsedFiles,
    packed_agents,
    parse_files,
    peek_company,
    read_desired,
    read_files,
    state_without_agents,
)
from reconciler.core.model.desired import Company
from tests.core.build import HEAD
from tests.core.desired.test_read import EXAMPLE

FILES = [
    ("a/agents.yaml", EXAMPLE.encode()),
    (
        "b/pool.yaml",
        b'version: 1\npools: [{from: "801", to: "809", name: "n {operatorId}", isrecord: 0, profile: leader}]',
    ),
    ("c/one.yaml", b'version: 1\nagents: [{operatorId: "90a", password: {file: x, version: 3}}]'),
]


def reading() -> ParsedFiles:
    """What three files say."""
    return parse_files(FILES)


def packed(reading: ParsedFiles) -> Iterator[bytes]:
    """A state, in parts."""
    return packed_state(state_without_agents(reading), packed_agents(reading), len(reading.agents))


@pytest.mark.parametrize("company", [None, Company("acme"), Company("acme", 0)])
def test_a_company_goes_ahead(company: Company | None) -> None:
    """Whose agents they are is told by itself, and so is that this is not known yet."""
    assert unpacked_company(packed_company(company)) == company


@pytest.mark.parametrize("each", [1, 2, 4000])
def test_there_and_back(each: int) -> None:
    """A state is the same on the other side, limits, recipients and passwords included, in however many parts."""
    with patch.object(module, "AGENTS_PER_PART", each):
        parts = packed(reading())
        there, _ = back = unpacked(parts)
        here, _ = direct = read_files(FILES)
        assert back == direct
        assert there is not None is not here
        assert there.set_in == here.set_in == dict.fromkeys(here.set_in, "a/agents.yaml") != {}
        assert list(parts) == []


@pytest.mark.parametrize("text", [HEAD, HEAD + "agents: []\nguardrails: {maxDeletes: 0}\n"])
def test_nobody(text: str) -> None:
    """A state without agents goes as well."""
    files = [("agents.yaml", text.encode())]
    assert unpacked(packed(parse_files(files))) == read_files(files)


def test_problems() -> None:
    """Problems come as they are, and alone."""
    files = [*FILES, ("d.yaml", b"version: 2\nnope: 1\nagents: [{operatorId: 1}]")]
    state, problems = unpacked(iter([packed_problems(parse_files(files).problems)]))
    assert (state, problems) == read_files(files)
    assert len(problems) == 3


def test_an_end_before_the_end() -> None:
    """Parts that end too early are no state."""

    def cut() -> Iterator[bytes]:
        yield next(packed(reading()))
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
        HEAD + "agents: []\n# \ufeff",
    ],
)
def test_the_company_stands_at_the_head(text: str) -> None:
    """The company is known before the agents are read, and is that of the whole file."""
    company = peek_company(text.encode())
    assert company == Company("acme")
    state, problems = read_desired("agents.yaml", text.encode())
    assert problems if state is None else state.company == company


def test_a_company_with_an_id() -> None:
    """Its id is known with it."""
    assert peek_company(b"company: {abbreviate: a, companyId: 7}\nversion: 1\n") == Company("a", 7)


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
        "version: 1\ncompany:\n",
    ],
)
def test_a_company_that_cannot_plainly_be_told(text: str) -> None:
    """Behind the agents, damaged or wrong, it is left to whoever reads the whole file."""
    assert peek_company(text.encode()) is None


def test_without_libyaml_nothing_is_told_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML's Python parser is not asked twice."""
    monkeypatch.setattr("reconciler.core.yaml.document.HAS_LIBYAML", False)
    assert peek_company(HEAD.encode()) is None
