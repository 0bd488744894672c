"""What calls leave behind: the ledger's entry after one that succeeded, and what is true after one that may have."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from reconciler.core.fields import Value
from reconciler.core.model import Call, CallKind, CallOutcome, Finding, Intent, LedgerEntry, LiveState
from reconciler.core.recovery import adopted, recover, remembered
from tests.core.build import agent, desired, env, live, live_agent

KNOWN = LedgerEntry(1, {"roleName": "old", "bindSkillName": "s"})


def intent(
    kind: CallKind,
    fields: Mapping[str, Value] | None = None,
    version: int | None = None,
    outcome: CallOutcome | None = None,
    ids: tuple[str, ...] = ("8001",),
) -> Intent:
    """A call about 8001, unless other agents are named."""
    return Intent(kind, ids, fields or {}, version, outcome)


def test_an_intent_is_a_call_without_its_order() -> None:
    """What is about to be sent keeps the kind, the agents, the values and the password's version, and no outcome."""
    call = Call("create", ("8001",), (0,), {"name": "a"}, password=env(3), after=(1,))
    assert Intent.of(call) == Intent("create", ("8001",), {"name": "a"}, 3, None)
    assert Intent.of(Call("delete", ("8001", "8002"), (0, 1))) == Intent("delete", ("8001", "8002"), {}, None)


@pytest.mark.parametrize(
    ("entry", "done", "after"),
    [
        (None, intent("create", {"name": "a", "roleName": "r"}, 2), LedgerEntry(2, {"roleName": "r"})),
        (KNOWN, intent("create", {"name": "a"}), LedgerEntry(None, {})),
        (
            KNOWN,
            intent("edit", {"name": "a", "roleName": "r"}),
            LedgerEntry(1, {"roleName": "r", "bindSkillName": "s"}),
        ),
        (KNOWN, intent("edit", {"name": "a"}), KNOWN),
        (None, intent("edit", {"name": "a"}), None),
        (None, intent("edit", {"roleName": "r"}), LedgerEntry(None, {"roleName": "r"})),
        (KNOWN, intent("password", None, 2), LedgerEntry(2, KNOWN.given)),
        (None, intent("password", None, 2), LedgerEntry(2)),
        (KNOWN, intent("delete"), None),
        (None, intent("delete"), None),
    ],
)
def test_what_is_remembered(entry: LedgerEntry | None, done: Intent, after: LedgerEntry | None) -> None:
    """A create starts anew, an edit adds what is never listed, a password its version, and a delete forgets."""
    assert remembered(entry, done) == after


LISTED = live(live_agent("8001", name="a", sipNumber="60001"))
NOBODY = live()


@pytest.mark.parametrize("outcome", [None, "lost"])
@pytest.mark.parametrize(
    ("unsettled", "listed", "entry", "after", "message", "number"),
    [
        (
            intent("create", {"roleName": "r"}, 2),
            LISTED,
            None,
            LedgerEntry(2, {"roleName": "r"}),
            "was created; its password is in the credentials file of that run",
            "60001",
        ),
        (intent("create", {"roleName": "r"}, 2), NOBODY, None, None, "was not created", None),
        (intent("delete"), LISTED, KNOWN, KNOWN, "was not deleted", None),
        (intent("delete"), NOBODY, KNOWN, None, "was deleted", None),
        (
            intent("password", None, 2),
            LISTED,
            KNOWN,
            LedgerEntry(None, KNOWN.given),
            "may have its new password; it counts as not recorded",
            None,
        ),
        (
            intent("password", None, 2),
            LISTED,
            None,
            None,
            "may have its new password; it counts as not recorded",
            None,
        ),
        (intent("edit", {"name": "a"}), LISTED, KNOWN, KNOWN, "was edited", None),
        (intent("edit", {"name": "b"}), LISTED, KNOWN, KNOWN, "was not edited", None),
        (intent("edit", {"name": "a"}), NOBODY, None, None, "was not edited", None),
        (intent("edit", {"name": "a", "sipNumber": "60001"}), LISTED, KNOWN, KNOWN, "was edited", "60001"),
        (intent("edit", {"name": "b", "sipNumber": "60001"}), LISTED, KNOWN, KNOWN, "was not edited", None),
        (intent("edit", {"sipNumber": None}), live(live_agent("8001")), KNOWN, KNOWN, "was edited", None),
        (
            intent("edit", {"name": "a", "roleName": "r"}),
            LISTED,
            KNOWN,
            LedgerEntry(1, {"bindSkillName": "s"}),
            "was edited",
            None,
        ),
    ],
)
def test_what_an_unsettled_call_did(
    unsettled: Intent,
    listed: LiveState,
    entry: LedgerEntry | None,
    after: LedgerEntry | None,
    message: str,
    number: str | None,
    outcome: CallOutcome | None,
) -> None:
    """The listing shows whether it was carried out; what is never listed counts as not recorded."""
    call = Intent(unsettled.kind, unsettled.operator_ids, unsettled.fields, unsettled.password_version, outcome)
    ledger = {"8001": entry} if entry else {}
    assert recover([call], listed, ledger) == ({"8001": after}, (Finding("8001", message, number),))


@pytest.mark.parametrize("outcome", ["refused", "not-sent", "skipped"])
def test_a_call_that_did_nothing_changes_nothing(outcome: CallOutcome) -> None:
    """What was refused or never sent needs no look and leaves no entry."""
    assert recover([intent("create", outcome=outcome)], LISTED, {"8001": KNOWN}) == ({}, ())


def test_the_calls_of_a_run_add_up() -> None:
    """Each call works on what the ones before it left, and only the unsettled ones are found out about."""
    run = [
        intent("delete", outcome="done"),
        intent("create", {"roleName": "r"}, 2, "done"),
        intent("edit", {"status": "disabled", "roleName": "q"}, outcome="done"),
        intent("delete", outcome="lost", ids=("8002", "8003")),
    ]
    listed = live(live_agent("8001"), live_agent("8003"))
    entries, findings = recover(run, listed, {"8001": KNOWN, "8002": KNOWN, "8003": KNOWN})
    assert entries == {"8001": LedgerEntry(2, {"roleName": "q"}), "8002": None, "8003": KNOWN}
    assert findings == (Finding("8002", "was deleted"), Finding("8003", "was not deleted"))


def test_adopting_takes_the_files_word_for_what_cannot_be_read() -> None:
    """A live agent's password version and never-listed values count as given; other agents have no entry."""
    wanted = desired(
        agent("8001", env(3), name="a", roleName="r"),
        agent("8002", bindSkillName="t"),
        agent("8003", name="a"),
        agent("8004", env(1)),
    )
    listed = live(*(live_agent(id_) for id_ in ("8001", "8002", "8003", "8005")))
    ledger = {"8002": KNOWN, "8005": KNOWN}
    assert adopted(wanted, listed, ledger) == {
        "8001": LedgerEntry(3, {"roleName": "r"}),
        "8002": LedgerEntry(1, {"roleName": "old", "bindSkillName": "t"}),
    }
    assert set(adopted(wanted, listed, ledger, ("8002", "9*"))) == {"8002"}
