"""What a change of the files does to the policy, and whether that loosens it."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.desired.read import read_files
from reconciler.core.model.desired import Company, DesiredState
from reconciler.core.model.plan import PolicyChange
from reconciler.core.planning.policy_changes import policy_changes, policy_in_force
from tests.core.build import HEAD, desired, state

IN_SCOPE = 50
KEY_A, KEY_B = "ssh-ed25519 AAAA", "ssh-ed25519 AAAB"


def changed(before: str, after: str) -> list[PolicyChange]:
    """What becomes of the policy when the keys below the company change so."""
    return list(policy_changes(state(HEAD + before), state(HEAD + after), IN_SCOPE))


def test_a_policy_that_stays() -> None:
    """Nothing is listed for agents that change, defaults that are written out, and lists in another order."""
    assert changed("agents: [{operatorId: '8001'}]\n", "prune: true\nprotect: []\nscope: {operatorId: ['*']}\n") == []
    defaults = "guardrails: {maxDeletes: 20%, maxPasswords: 20%, lookalikes: 0}\n"
    assert changed("", defaults) == []
    assert changed("protect: [a, b]\n", "protect: [b, a]\n") == []


def test_everything_at_once() -> None:
    """Each key is listed once, in a fixed order, with defaults for what is not written."""
    before = f"recipients: ['{KEY_A}']\nprotect: [adm*]\nscope: {{operatorId: ['8*']}}\nprune: false\n"
    found = changed(before, "guardrails: {maxDeletes: 100%, maxChanges: 7}\n")
    limits = {"maxDeletes": "20%", "maxChanges": None, "maxPasswords": "20%", "lookalikes": 0}
    assert found == [
        PolicyChange("recipients", [KEY_A], [], loosens=True),
        PolicyChange("scope", {"operatorId": ["8*"]}, {"operatorId": ["*"]}, loosens=True),
        PolicyChange("prune", False, True, loosens=True),
        PolicyChange("protect", ["adm*"], [], loosens=True),
        PolicyChange("guardrails", limits, {**limits, "maxDeletes": "100%", "maxChanges": 7}, loosens=True),
    ]


@pytest.mark.parametrize(
    ("before", "after", "loosens"),
    [
        ("", f"recipients: ['{KEY_A}']", True),
        (f"recipients: ['{KEY_A}']", "", True),
        (f"recipients: ['{KEY_A}', '{KEY_B}']", f"recipients: ['{KEY_A}']", False),
        (f"recipients: ['{KEY_A}']", f"recipients: ['{KEY_A}', '{KEY_B}']", True),
        (f"recipients: ['{KEY_A} bob']", f"recipients: ['{KEY_A} eve']", False),
        ("", "scope: {operatorId: ['8*']}", False),
        ("scope: {operatorId: ['8*']}", "scope: {operatorId: ['8001', '80?0', '8*1']}", False),
        ("scope: {operatorId: ['8*']}", "scope: {operatorId: ['8*', '9*']}", True),
        ("scope: {operatorId: ['8?']}", "scope: {operatorId: ['8*']}", True),
        ("scope: {operatorId: ['8[0-9]*']}", "scope: {operatorId: ['8001']}", False),
        ("scope: {operatorId: ['*']}", "scope: {operatorId: ['8[0-9]']}", False),
        ("scope: {operatorId: ['*a*']}", "scope: {operatorId: ['[ab]']}", True),
        ("prune: false", "prune: true", True),
        ("prune: true", "prune: false", False),
        ("onRemove: disable", "", True),
        ("", "onRemove: disable", False),
        ("onRemove: disable", "onRemove: {disable: 30d}", True),
        ("onRemove: {disable: 30d}", "onRemove: {disable: 12h}", True),
        ("onRemove: {disable: 12h}", "onRemove: {disable: 1d}", False),
        ("onRemove: {disable: 9999d}", "onRemove: delete", True),
        ("protect: ['8000']", "protect: ['80*']", False),
        ("protect: ['80*']", "protect: ['8000']", True),
        ("guardrails: {maxDeletes: 5}", "guardrails: {maxDeletes: 6}", True),
        ("guardrails: {maxDeletes: 6}", "guardrails: {maxDeletes: 5}", False),
        ("guardrails: {maxDeletes: 10%}", "guardrails: {maxDeletes: 10.5%}", True),
        ("guardrails: {maxDeletes: 10}", "guardrails: {maxDeletes: 18%}", False),
        ("guardrails: {maxDeletes: 10}", "guardrails: {maxDeletes: 20%}", True),
        ("guardrails: {maxDeletes: 80}", "guardrails: {maxDeletes: 100%}", True),
        ("guardrails: {maxDeletes: 20%}", "guardrails: {maxDeletes: 10}", False),
        ("guardrails: {maxDeletes: 20%}", "guardrails: {maxDeletes: 11}", True),
        ("guardrails: {maxDeletes: 5}", "", True),
        ("guardrails: {maxDeletes: 50%}", "", False),
        ("guardrails: {maxChanges: 5}", "", True),
        ("", "guardrails: {maxChanges: 5}", False),
        ("guardrails: {maxDeletes: 50%, maxChanges: 5}", "guardrails: {maxChanges: 6}", True),
        ("", "guardrails: {lookalikes: 1}", True),
        ("", "guardrails: {maxPasswords: 100%}", True),
    ],
)
def test_what_loosens(before: str, after: str, loosens: bool) -> None:
    """Wider, longer, more, or nothing where there was a limit: more may be done than before."""
    (found,) = changed(before + "\n", after + "\n")
    assert found.loosens is loosens


def test_another_company_is_no_question_of_loosening() -> None:
    """A company is listed, its id too, and not judged."""
    (found,) = policy_changes(replace(desired(), company=Company("other")), desired(), IN_SCOPE)
    assert (found.key, found.before, found.loosens) == ("company", {"abbreviate": "other"}, None)
    assert found.after == {"abbreviate": "acme", "companyId": 4242}


def test_before_the_first_file() -> None:
    """Where there was no file, nobody could be deleted, and there was no company."""
    nothing = DesiredState(Company(""), (), (), "", prune=False)
    found = policy_changes(nothing, desired(), IN_SCOPE)
    assert [(change.key, change.before, change.loosens) for change in found] == [
        ("prune", False, True),
        ("company", None, None),
    ]


def files(**texts: str) -> DesiredState:
    """The state of several files."""
    found, problems = read_files([(f"{name}.yaml", text.encode()) for name, text in texts.items()])
    assert found is not None, problems
    return found


def test_the_file_is_named() -> None:
    """With several files it is said which one sets a key; for a key that is gone, which one did."""
    before = files(a=HEAD, b="version: 1\nprotect: [x]\nprune: false\n")
    after = files(a=HEAD + "prune: false\n", b="version: 1\nrecipients: ['ssh-ed25519 AAAA']\n")
    found = {change.key: change.file for change in policy_changes(before, after, IN_SCOPE)}
    assert found == {"recipients": "b.yaml", "protect": "b.yaml"}
    assert [change.file for change in changed("", "prune: false\n")] == [""]


def test_the_policy_in_force() -> None:
    """It is the part that a plan does not show elsewhere."""
    assert policy_in_force(desired(scope=("8*",), protect=("8000",), prune=False)) == {
        "scope": {"operatorId": ["8*"]},
        "prune": False,
        "onRemove": "delete",
        "protect": ["8000"],
    }


patterns = st.text("a1*?[]!-", max_size=5)


@given(st.lists(patterns, max_size=3), st.lists(patterns, max_size=3), st.lists(st.text("a1-!*?", max_size=4)))
def test_what_is_said_not_to_loosen_does_not(before: list[str], after: list[str], ids: list[str]) -> None:
    """A scope or a protection that is not said to be looser is so for no id whatsoever."""

    def scoped(patterns: list[str]) -> DesiredState:
        return desired(scope=tuple(patterns), protect=tuple(patterns))

    loosens: dict[str, Any] = {c.key: c.loosens for c in policy_changes(scoped(before), scoped(after), IN_SCOPE)}
    for operator_id in [*ids, *before, *after]:
        old, new = (any(fnmatchcase(operator_id, pattern) for pattern in patterns) for patterns in (before, after))
        assert not (new and not old) or loosens["scope"]
        assert not (old and not new) or loosens["protect"]
