"""What calls leave behind: the ledger's entry after one that succeeded, and what is true after one that may have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from reconciler.core.authorship import ListedBefore
from reconciler.core.in_doubt import (
    anew_entries,
    anew_meanwhile,
    appeared_entries,
    as_listed,
    still_untold,
    untold,
    untold_findings,
    with_deeds,
)
from reconciler.core.model.fields import Value
from reconciler.core.model.ledger import LedgerEntry, Untold
from reconciler.core.model.live import Identity, LiveState
from reconciler.core.model.message import text, verbatim
from reconciler.core.model.outcome import CallOutcome, Finding, Intent
from reconciler.core.model.plan import Action, ActionKind, Call, CallKind, Note
from reconciler.core.recovery import (
    adopted_entries,
    entry_after,
    managed_entries,
    owed_nothing,
    recover,
    recover_beside,
    restored_entries,
)
from tests.core.build import agent, desired, env, live, live_agent, planned

KNOWN = LedgerEntry(1, {"roleName": "old", "bindSkillName": "s"})
OWING = LedgerEntry(to_restore={"name": "a", "status": "disabled", "roleName": "old"})


def intent(
    kind: CallKind,
    fields: Mapping[str, Value] | None = None,
    version: int | None = None,
    outcome: CallOutcome | None = None,
    ids: tuple[str, ...] = ("8001",),
    to_restore: Mapping[str, Value] | None = None,
) -> Intent:
    """A call about 8001, unless other agents are named."""
    return Intent(kind, ids, fields or {}, version, outcome, to_restore or {})


def test_an_intent_is_a_call_without_its_order() -> None:
    """What is about to be sent keeps the kind, the agents, the values and the password's version, and no outcome."""
    call = Call("create", ("8001",), (0,), {"name": "a"}, password=env(3), requires_success_of=(1,))
    owing = Call("delete", ("8001",), (0,), to_restore={"name": "a"})
    assert Intent.of(owing) == Intent("delete", ("8001",), {}, None, None, {"name": "a"})
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
        (KNOWN, intent("password", None, 2), LedgerEntry(2, KNOWN.last_sent)),
        (None, intent("password", None, 2), LedgerEntry(2)),
        (KNOWN, intent("delete"), None),
        (None, intent("delete"), None),
        (KNOWN, intent("delete", to_restore=OWING.to_restore), replace(OWING, in_doubt="author")),
        (replace(OWING, in_doubt="author"), intent("create", {"name": "a"}), OWING),
        (OWING, intent("create", {"name": "a"}, 2), LedgerEntry(2, to_restore=OWING.to_restore)),
        (
            OWING,
            intent("create", {"roleName": "r"}),
            LedgerEntry(None, {"roleName": "r"}, to_restore={"name": "a", "status": "disabled"}),
        ),
        (OWING, intent("edit", {"status": "disabled"}), OWING),
        (
            OWING,
            intent("edit", {"roleName": "old"}),
            LedgerEntry(None, {"roleName": "old"}, to_restore={"name": "a", "status": "disabled"}),
        ),
        (LedgerEntry(1, password_unknown=True), intent("password", None, 2), LedgerEntry(2)),
        (LedgerEntry(1, password_unknown=True), intent("password", None, 0), LedgerEntry(None)),
        (LedgerEntry(1, password_unknown=True), intent("create", None, 2), LedgerEntry(2)),
        (LedgerEntry(1, password_unknown=True), intent("edit", {"name": "a"}), LedgerEntry(1, password_unknown=True)),
    ],
)
def test_what_is_remembered(entry: LedgerEntry | None, done: Intent, after: LedgerEntry | None) -> None:
    """A create starts anew, an edit adds what is never listed, a password its version, and a delete forgets.

    What a replace owes stands from its delete until it is seen or sent where it is never seen; 0 is no version.
    """
    assert entry_after(entry, done) == after


LISTED = live(live_agent("8001", name="a", sipNumber="60001"))
NEW = live(live_agent("8001", sipNumber="60001"))
NOBODY = live()
STRANGE = text("is there, and nothing shows that the run made it")


@pytest.mark.parametrize("outcome", [None, "lost"])
@pytest.mark.parametrize(
    ("unsettled", "listed", "entry", "after", "message", "number"),
    [
        (
            intent("create", {"roleName": "r", "name": "a"}, 2),
            LISTED,
            None,
            LedgerEntry(2, {"roleName": "r"}),
            "was created, with the password that was stored before",
            "60001",
        ),
        (intent("create", {"roleName": "r"}, 2), LISTED, None, LedgerEntry(in_doubt="author"), STRANGE, None),
        (intent("create", {"roleName": "r"}, 2), LISTED, KNOWN, replace(KNOWN, in_doubt="author"), STRANGE, None),
        (
            intent("create", {"roleName": "r"}, 2),
            NOBODY,
            None,
            LedgerEntry(password_unknown=True, awaited={"roleName": "r"}),
            "was not created",
            None,
        ),
        (intent("create"), NOBODY, OWING, replace(OWING, password_unknown=True, awaited={}), "was not created", None),
        (intent("delete"), LISTED, KNOWN, KNOWN, "was not deleted", None),
        (intent("delete"), NOBODY, KNOWN, None, "was deleted", None),
        (
            intent("delete", to_restore=OWING.to_restore),
            NOBODY,
            KNOWN,
            replace(OWING, in_doubt="author"),
            "was deleted",
            None,
        ),
        (intent("delete", to_restore=OWING.to_restore), LISTED, KNOWN, KNOWN, "was not deleted", None),
        (
            intent("password", None, 2),
            LISTED,
            KNOWN,
            LedgerEntry(None, KNOWN.last_sent, in_doubt="password"),
            "may have its new password; it counts as not recorded",
            None,
        ),
        (
            intent("password", None, 2),
            LISTED,
            None,
            LedgerEntry(in_doubt="password"),
            "may have its new password; it counts as not recorded",
            None,
        ),
        (intent("edit", {"name": "a"}), LISTED, KNOWN, KNOWN, "was edited", None),
        (intent("edit", {"name": "b"}), LISTED, KNOWN, KNOWN, "was not edited", None),
        (intent("edit", {"name": "a"}), NOBODY, None, None, "was not edited", None),
        (intent("edit", {"name": "a", "sipNumber": "60001"}), LISTED, KNOWN, KNOWN, "was edited", "60001"),
        (intent("edit", {"name": "b", "sipNumber": "60001"}), LISTED, KNOWN, KNOWN, "was not edited", "60001"),
        (intent("edit", {"sipNumber": None}), live(live_agent("8001")), KNOWN, KNOWN, "was edited", None),
        (
            intent("edit", {"name": "a", "roleName": "r"}),
            LISTED,
            KNOWN,
            LedgerEntry(1, {"bindSkillName": "s"}),
            "was edited; what is never listed is sent again",
            None,
        ),
        (
            intent("edit", {"roleName": "r"}),
            LISTED,
            None,
            None,
            "may have been edited; what is never listed is sent again",
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
    call = replace(unsettled, outcome=outcome)
    ledger = {"8001": entry} if entry else {}
    finding = Finding("8001", verbatim(message), number, left_alone=message == STRANGE)
    assert recover([call], listed, ledger) == ({"8001": after}, (finding,))


def test_a_batch_that_was_cut_short() -> None:
    """Agents that it made have a password that nobody knows, and get another; where one is missing nothing is sure."""
    batch = Intent("create", ("8001", "8002"), {"name": "a"}, None, vendor_password=True)
    both = live(live_agent("8001", name="a", sipNumber="60001"), live_agent("8002", name="a"))
    entries, findings = recover([batch], both, {})
    assert entries == {"8001": LedgerEntry(password_unknown=True), "8002": LedgerEntry(password_unknown=True)}
    words = text("was created, with a password of the vendor's that was not delivered; it will be set anew")
    assert findings == (Finding("8001", words, "60001"), Finding("8002", words))
    entries, findings = recover([batch], live(live_agent("8001", name="a")), {})
    awaited = LedgerEntry(password_unknown=True, awaited={"name": "a"})
    assert entries == {"8001": LedgerEntry(in_doubt="author"), "8002": awaited}
    assert findings == (Finding("8001", STRANGE, left_alone=True), Finding("8002", text("was not created")))
    done = replace(batch, outcome="done")
    assert recover([done], live(), {}) == ({"8001": LedgerEntry(), "8002": LedgerEntry()}, ())


REFUSED = Intent("create", ("8001", "8002"), {"name": "a"}, None, "refused", vendor_password=True)
"""A batch that was taken apart, of which 8001 was then to be made alone."""


@pytest.mark.parametrize(
    ("outcome", "there", "doubted"),
    [
        (None, ("8001", "8002"), ["8001", "8002"]),
        ("lost", ("8001", "8002"), ["8001", "8002"]),
        ("refused", ("8001", "8002"), ["8001", "8002"]),
        (None, ("8002",), ["8002"]),
        (None, ("8001",), []),
        ("done", ("8001", "8002"), ["8002"]),
        (None, (), []),
    ],
)
def test_a_refused_batch_may_have_been_carried_out(
    outcome: CallOutcome | None, there: tuple[str, ...], doubted: list[str]
) -> None:
    """Whoever of it is there though no later create was to make them is in doubt; then so is who was open alone."""
    alone = Intent("create", ("8001",), {"name": "a"}, 1, outcome)
    listed = live(*(live_agent(id_, name="a") for id_ in there))
    entries, findings = recover((REFUSED, alone), listed, {}, edited_since=True)
    assert sorted(id_ for id_, entry in entries.items() if entry and entry.in_doubt == "author") == doubted
    assert sorted(finding.operator_id for finding in findings if finding.left_alone) == doubted
    assert recover((REFUSED,), listed, {}) == ({}, ()), "in its own run more is known"


LATE = text("came late, with a password that was not delivered; it will be set anew")
SOMEBODY = text("is there by now, and not as the run would have made it")


@pytest.mark.parametrize(
    "ledger",
    [
        {},
        {"8001": LedgerEntry(to_restore={"roleName": "r"})},
        {"8001": LedgerEntry(to_restore={"roleName": "r"}, in_doubt="author")},
    ],
)
def test_who_appears_after_a_create_was_given_up(ledger: Mapping[str, LedgerEntry]) -> None:
    """One that is as the create makes it gets a known password; another one is left alone, and is in doubt."""
    owed = ledger["8001"].to_restore if ledger else {}
    entries, _ = recover([intent("create", {"name": "a"}, 1)], NOBODY, ledger)
    doubt = entries["8001"]
    assert doubt is not None
    assert doubt.awaited == {"name": "a"}
    book = {"8001": doubt, "8002": KNOWN}
    assert appeared_entries(live(live_agent("8002")), book) == ({}, ())
    known, found = appeared_entries(LISTED, book)
    assert (known, found) == ({"8001": LedgerEntry(password_unknown=True, to_restore=owed)}, (Finding("8001", LATE),))
    assert known["8001"] is not None
    assert known["8001"].awaited is None
    for other in (live_agent("8001", name="b"), live_agent("8001", name="a", ttscontent="mine")):
        after = LedgerEntry(to_restore=owed, in_doubt="author")
        finding = Finding("8001", SOMEBODY, left_alone=True)
        assert appeared_entries(live(other), book) == ({"8001": after}, (finding,))


def test_a_doubt_that_names_no_create_stays() -> None:
    """Of an older ledger, or of an agent that a batch made: whoever is there gets a known password, as ever."""
    assert appeared_entries(LISTED, {"8001": LedgerEntry(password_unknown=True)}) == ({}, ())


def test_a_known_password_ends_the_wait() -> None:
    """Once a password was set, or another create has made the agent, nothing is awaited or in doubt any more."""
    doubt = LedgerEntry(password_unknown=True, awaited={"name": "a"}, in_doubt="author")
    for call in (intent("password", None, 1), intent("create", {"name": "a"}, 1)):
        assert entry_after(doubt, call) == LedgerEntry(1)


def test_one_listing_ends_no_doubt() -> None:
    """A listing may lag behind: whoever is not in it is in doubt still, until it is created anew or deleted."""
    assert appeared_entries(NOBODY, {"8001": LedgerEntry(in_doubt="author")}) == ({}, ())
    assert entry_after(LedgerEntry(in_doubt="author"), intent("delete")) is None


@pytest.mark.parametrize(("vendor_id", "gone"), [(7, False), (8, True), (None, False)])
def test_another_agent_under_the_number(vendor_id: int | None, gone: bool) -> None:
    """A delete without an outcome is done where somebody else has the number by now, and not where the old agent is."""
    listed = live(replace(live_agent("8001", name="b"), vendor_id=vendor_id))
    entries, findings = recover([intent("delete")], listed, {"8001": KNOWN}, ListedBefore(largest_id=7))
    assert entries == {"8001": None if gone else KNOWN}
    assert findings[0].message.startswith("was deleted, and another" if gone else "was not deleted")


def test_what_a_stranger_is_owed() -> None:
    """Nothing of the agent that was replaced: not after the create was refused, and not once people name the agent."""
    assert owed_nothing(OWING) is None
    assert owed_nothing(replace(KNOWN, to_restore={"name": "a"})) == KNOWN
    book = {"8001": replace(OWING, in_doubt="author")}
    wanted = desired(agent("8001", afterInterval=5))
    assert adopted_entries(wanted, live(live_agent("8001")), book, ("8001",)) == {"8001": LedgerEntry()}


def test_another_machine_waits_too() -> None:
    """What is awaited is taken over beside what other runs have recorded since."""
    entries, _ = recover_beside([intent("create", {"name": "a"}, 1)], NOBODY, {})
    assert entries["8001"] is not None
    assert entries["8001"].awaited == {"name": "a"}


@pytest.mark.parametrize("vendor_id", [None, 9], ids=["no id", "an id"])
@pytest.mark.parametrize("outcome", [None, "lost", "done"])
@pytest.mark.parametrize("to_restore", [{}, {"name": "a"}], ids=["a delete", "a replace"])
def test_a_newcomer_under_a_number_that_a_killed_run_has_freed(
    to_restore: dict[str, Value], outcome: CallOutcome | None, vendor_id: int | None
) -> None:
    """Is owed nothing of the agent before, and is told, where anything was left open; plans note a replace's."""
    listed = live(replace(live_agent("8001", name="b"), vendor_id=vendor_id))
    call = intent("delete", to_restore=to_restore, outcome=outcome)
    entries, findings = recover([call], listed, {"8001": KNOWN}, ListedBefore(largest_id=7), edited_since=True)
    entry = entries["8001"]
    if outcome != "done" and vendor_id is None:
        assert (entry, findings) == (KNOWN, (Finding("8001", text("was not deleted")),)), "nothing tells them apart"
        return
    told = [(each.message, each.left_alone, each.anew) for each in findings]
    newcomer = "was deleted, and another agent has its number by now"
    assert told == ([] if outcome == "done" and not to_restore else [(newcomer, True, outcome != "done")])
    assert entry == (LedgerEntry(to_restore=to_restore, in_doubt="author") if to_restore else None)
    plan = planned(desired(agent("8001", judge=True)), listed, {"8001": entry} if entry else {})
    assert (plan.actions, [note.code for note in plan.notes]) == ((), ["password-in-doubt"] * bool(to_restore))


def test_an_old_listing_shows_no_newcomer() -> None:
    """It may show an agent after its delete was answered: the same `id` is the agent itself."""
    listed = live(replace(live_agent("8001"), vendor_id=7))
    call = intent("delete", to_restore={"name": "a"}, outcome="done")
    _, findings = recover([call], listed, {"8001": KNOWN}, ListedBefore(largest_id=7), edited_since=True)
    assert findings == ()


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
    assert findings == (Finding("8002", text("was deleted")), Finding("8003", text("was not deleted")))


@pytest.mark.parametrize(
    ("listed", "entries"),
    [
        (NOBODY, {}),
        (live(live_agent("8001", name="b")), {}),
        (LISTED, {"8001": replace(OWING, to_restore={"status": "disabled", "roleName": "old"})}),
        (
            live(live_agent("8001", name="a", status="disabled")),
            {"8001": replace(OWING, to_restore={"roleName": "old"})},
        ),
    ],
    ids=["not there", "nothing given back", "a part", "all that is listed"],
)
def test_what_is_seen_is_given_back(listed: LiveState, entries: dict[str, LedgerEntry]) -> None:
    """What the listing shows of an owed value is owed no longer; what is never listed waits until it is sent."""
    assert restored_entries(listed, {"8001": OWING, "8002": OWING, "8003": KNOWN}) == entries


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
    assert adopted_entries(wanted, listed, ledger) == {
        "8001": LedgerEntry(3, {"roleName": "r"}),
        "8002": LedgerEntry(1, {"roleName": "old", "bindSkillName": "t"}),
    }
    assert set(adopted_entries(wanted, listed, ledger, ("8002", "9*"))) == {"8002"}


def test_adopting_keeps_what_is_in_doubt_or_owed() -> None:
    """A password that nobody knows stays unknown, and a value that is owed stays owed, unless it is adopted."""
    wanted = desired(agent("8001", env(3), name="a", roleName="r"))
    in_doubt = LedgerEntry(1, password_unknown=True, to_restore={"roleName": "old", "sipNumber": "60001"})
    assert adopted_entries(wanted, live(live_agent("8001")), {"8001": in_doubt}) == {
        "8001": LedgerEntry(3, {"roleName": "r"}, password_unknown=True, to_restore={"sipNumber": "60001"})
    }


def test_adopting_by_name_ends_a_doubt() -> None:
    """People who name the agent say that they know its password; a pattern, or all, says nothing of it."""
    wanted = desired(agent("8001", name="a"))
    book = {"8001": LedgerEntry(in_doubt="author")}
    assert adopted_entries(wanted, live(live_agent("8001")), book, ("8001",)) == {"8001": LedgerEntry()}
    for patterns in ((), ("80*",), ("8001 ",)):
        assert adopted_entries(wanted, live(live_agent("8001")), book, patterns) == {}
    book = {"8001": replace(OWING, in_doubt="password")}
    assert adopted_entries(wanted, live(live_agent("8001")), book, ("8001",)) == {"8001": OWING}
    no_file = desired(agent("8002"))
    assert adopted_entries(no_file, live(live_agent("8001")), book, ("8001", "8002")) == {"8001": OWING}
    assert adopted_entries(no_file, NOBODY, book, ("8001",)) == {"8001": OWING}  # gone, and nobody asks for it
    assert adopted_entries(wanted, NOBODY, book, ("8001",)) == {}


DOUBT = LedgerEntry(in_doubt="author")
HERE = live(live_agent("8001"))


@pytest.mark.parametrize(
    ("kind", "listed", "entry", "words"),
    [
        ("author", HERE, DOUBT, STRANGE),
        ("author", HERE, KNOWN, "is there, nothing showed that a run had made it, and a run that was cut short wrote"),
        ("author", NOBODY, DOUBT, "is gone by now; before, it was there, and nothing showed"),
        ("anew", HERE, KNOWN, "is another agent by now"),
        ("anew", NOBODY, KNOWN, "is gone by now; before, somebody had deleted it and made it anew"),
        ("noted", HERE, KNOWN, ""),
        ("noted", NOBODY, KNOWN, ""),
    ],
)
def test_what_was_found_before_and_not_told(kind: Untold, listed: LiveState, entry: LedgerEntry, words: str) -> None:
    """It is told as it is by now; of whom only a plan is to note that they were made anew, nothing is told."""
    found = [*untold_findings({"8001": kind}, listed, {"8001": entry})]
    assert [each.message.startswith(words) for each in found] == [True] * bool(words)
    assert untold(found, ()) == ({"8001": kind} if words else {})
    assert untold(found, ("8002",))["8002"] == "noted"


@pytest.mark.parametrize("kind", ["delete", "edit", "password", None])
def test_a_finding_says_what_the_plan_does(kind: ActionKind | None) -> None:
    """Of an agent that may be somebody else's: that it is left, only where it is; of others nothing more is said."""
    actions = [Action(kind, "8001", "n", None)] if kind else []
    actions.append(Action("edit", "8002", "n", None))
    found = [Finding("8001", STRANGE, left_alone=True), Finding("8002", LATE)]
    strange, late = with_deeds(found, actions)
    assert late == found[1]
    assert strange.message.startswith(f"{STRANGE}; ")
    assert ("it is left as it is" in strange.message) is (kind is None)
    assert strange.message.endswith("by this plan" if kind is None else "see its note")


def test_what_the_file_manages_is_owed_no_longer() -> None:
    """A value that the file manages is not given back any more, whatever it is now; the others are owed still."""
    ledger = {"8001": OWING, "8002": OWING, "8003": KNOWN}
    assert managed_entries({"8001": ("name", "email"), "8003": ("name",)}, ledger) == {
        "8001": LedgerEntry(to_restore={"status": "disabled", "roleName": "old"})
    }


@pytest.mark.parametrize(("recorded", "after"), [(0, None), (3, 3), (None, None)])
def test_a_password_that_is_set_is_the_agents_own(recorded: int | None, after: int | None) -> None:
    """Where a run set it on an agent that somebody had made anew, what is stored is no other agent's any more."""
    before = {"8001": LedgerEntry(vendor_id=9, recorded=recorded)}
    entries, _ = recover([intent("password", version=2, outcome="done")], NEW, before)
    assert entries["8001"] == LedgerEntry(2, vendor_id=9, recorded=after)


def test_a_later_create_does_not_cover_an_earlier_doubt() -> None:
    """A batch was lost, then a single create of the same agent: whose password it has nobody knows."""
    run = [intent("create", outcome="lost"), intent("create", version=2)]
    run[0] = replace(run[0], vendor_password=True)
    entries, _ = recover(run, NEW, {})
    assert entries["8001"] == LedgerEntry(2, password_unknown=True)


@pytest.mark.parametrize(
    ("call", "entry", "before", "anew"),
    [
        (intent("password", version=2), replace(KNOWN, vendor_id=5), ListedBefore(), True),
        (intent("edit", {"roleName": "r"}, outcome="lost"), replace(KNOWN, vendor_id=5), ListedBefore(), True),
        (intent("password", version=2), replace(KNOWN, vendor_id=9), ListedBefore(largest_id=7), False),
        (intent("password", version=2), KNOWN, ListedBefore(largest_id=7), False),
        (replace(intent("password", version=2), before={}), None, ListedBefore(largest_id=7), True),
        (replace(intent("password", version=2), before={}), None, ListedBefore(largest_id=9), False),
        (replace(intent("password", version=2), before={"8001": KNOWN}), None, ListedBefore(largest_id=7), False),
        (intent("password", version=2), None, ListedBefore(largest_id=7), False),
    ],
)
def test_a_call_was_about_another_agent(
    call: Intent, entry: LedgerEntry | None, before: ListedBefore, anew: bool
) -> None:
    """Where the `id` shows an agent that was made since, what the call left open is not done to it, and it is told.

    A run may have made the agent itself, unless the ledger knew nobody under its number.
    """
    listed = live(replace(live_agent("8001"), vendor_id=9))
    entries, (finding,) = recover([call], listed, {"8001": entry} if entry else {}, before, edited_since=True)
    assert finding.left_alone is anew
    assert (entries["8001"] == LedgerEntry(vendor_id=9, recorded=0)) is anew


BATCH = Intent("create", ("8001",), {}, None, vendor_password=True, before={})


@pytest.mark.parametrize(
    ("call", "now", "after"),
    [
        (BATCH, None, LedgerEntry(password_unknown=True)),
        (BATCH, LedgerEntry(None, {"roleName": "r"}), LedgerEntry(None, {"roleName": "r"}, password_unknown=True)),
        (BATCH, LedgerEntry(3), LedgerEntry(3)),
        (replace(BATCH, before=None), LedgerEntry(3), LedgerEntry(3)),
        (replace(BATCH, before=None), None, LedgerEntry(password_unknown=True)),
        (intent("password", version=2), KNOWN, replace(KNOWN, password_version=None, in_doubt="password")),
        (replace(intent("password", version=2), before={"8001": KNOWN}), replace(KNOWN, password_version=2), None),
        (
            replace(intent("password", version=2), before={"8001": KNOWN}),
            KNOWN,
            replace(KNOWN, password_version=None, in_doubt="password"),
        ),
        (
            replace(intent("edit", {"roleName": "r"}), before={"8001": KNOWN}),
            replace(KNOWN, last_sent={"roleName": "newer", "bindSkillName": "s"}),
            None,
        ),
        (
            replace(intent("delete", outcome="done", to_restore={"name": "a"}), before={"8001": KNOWN}),
            LedgerEntry(4),
            LedgerEntry(4, to_restore={"name": "a"}),
        ),
        (replace(intent("delete", outcome="done"), before={"8001": KNOWN}), KNOWN, LedgerEntry()),
        (BATCH, LedgerEntry(), LedgerEntry(password_unknown=True)),
        (
            replace(BATCH, before={"8001": LedgerEntry(vendor_id=5, recorded=7)}),
            LedgerEntry(vendor_id=9),
            LedgerEntry(password_unknown=True),
        ),
        (
            replace(BATCH, before={"8001": LedgerEntry(vendor_id=5, recorded=7)}),
            LedgerEntry(vendor_id=9, recorded=0),
            LedgerEntry(password_unknown=True),
        ),
        (BATCH, LedgerEntry(recorded=7), LedgerEntry(recorded=7)),
        (BATCH, LedgerEntry(vendor_id=9, recorded=7), LedgerEntry(vendor_id=9, recorded=7)),
        (
            replace(intent("password", version=2), before={"8001": replace(KNOWN, vendor_id=5)}),
            replace(KNOWN, vendor_id=9),
            replace(KNOWN, vendor_id=9),
        ),
        (
            replace(intent("password", version=2), before={"8001": KNOWN}),
            replace(KNOWN, vendor_id=9),
            replace(KNOWN, password_version=None, in_doubt="password", vendor_id=9),
        ),
        (replace(intent("delete", outcome="done"), before={"8001": KNOWN}), LedgerEntry(4), LedgerEntry(4)),
    ],
)
def test_what_others_recorded_since_stands(call: Intent, now: LedgerEntry | None, after: LedgerEntry | None) -> None:
    """Of what a run left open each part is taken over that no other run has recorded anew; the rest stays."""
    entries, _ = recover_beside([call], NEW, {"8001": now} if now is not None else {})
    assert (entries["8001"] or LedgerEntry()) == (after or now)


@pytest.mark.parametrize(
    "now", [LedgerEntry(vendor_id=9, recorded=7), LedgerEntry(vendor_id=9, in_doubt="author", recorded=7)]
)
def test_what_another_run_dealt_with_is_no_news(now: LedgerEntry) -> None:
    """A machine that comes back finds what another run has recorded of its agents: nobody is in doubt by that."""
    batch = replace(BATCH, operator_ids=("8001", "8002"), before={})
    _, findings = recover_beside([batch], NEW, {"8001": now})
    assert [(each.left_alone, each.anew) for each in findings if each.operator_id == "8001"] == [(False, False)]


@pytest.mark.parametrize(
    ("call", "now"),
    [
        (
            replace(intent("password", version=2), before={"8001": replace(KNOWN, vendor_id=5)}),
            LedgerEntry(vendor_id=9, recorded=0),
        ),
        (replace(intent("create", {"name": "a"}), before={}), LedgerEntry(in_doubt="author")),
        (replace(intent("create", {"name": "a"}), before={}), LedgerEntry(in_doubt="author", vendor_id=9)),
    ],
    ids=["made anew", "in doubt", "in doubt, and known by its id"],
)
def test_what_another_run_found_as_well_is_no_news(call: Intent, now: LedgerEntry) -> None:
    """A machine that comes back finds what another one found: that one has told it, or the ledger keeps it."""
    listed = live(replace(live_agent("8001"), vendor_id=9))
    entries, (finding,) = recover_beside([call], listed, {"8001": now}, edited_since=True)
    assert (entries["8001"], finding.left_alone, finding.anew) == (now, False, False)


REPLACED = (
    intent("delete", to_restore={"name": "a", "roleName": "old"}),
    intent("create", {"name": "a"}),
    intent("edit", {"status": "disabled"}),
)


@pytest.mark.parametrize(
    ("listed", "before", "after", "found"),
    [
        # Nothing was sent: the agent is the old one.
        (live(replace(live_agent("8001", name="a"), vendor_id=7)), 7, KNOWN, ["was not deleted", "is there"]),
        # Deleted, and not made anew.
        (
            live(),
            7,
            LedgerEntry(
                to_restore={"name": "a", "roleName": "old"},
                password_unknown=True,
                awaited={"name": "a"},
                in_doubt="author",
            ),
            ["was not created"],
        ),
        # Made anew, and edited or not: what it is owed stays owed.
        (
            live(replace(live_agent("8001", name="a"), vendor_id=8)),
            7,
            LedgerEntry(to_restore={"name": "a", "roleName": "old"}),
            ["was created, with the password"],
        ),
        (
            live(replace(live_agent("8001", name="a", status="disabled"), vendor_id=8)),
            7,
            LedgerEntry(to_restore={"name": "a", "roleName": "old"}),
            ["was created, with the password"],
        ),
        # The same at a vendor that lists no `id`: the values alone say it.
        (
            live(live_agent("8001", name="a")),
            None,
            LedgerEntry(to_restore={"name": "a", "roleName": "old"}),
            ["was created, with the password"],
        ),
        # Somebody else made another one.
        (
            live(replace(live_agent("8001", name="b"), vendor_id=8)),
            7,
            LedgerEntry(to_restore={"name": "a", "roleName": "old"}, in_doubt="author"),
            ["was deleted, and another agent has its number by now", "is there"],
        ),
    ],
)
def test_a_replace_of_which_nothing_is_known(
    listed: LiveState, before: int | None, after: LedgerEntry, found: list[str]
) -> None:
    """All calls of a replace are without an outcome: who was made anew was deleted before, and is owed what it had."""
    entries, findings = recover(REPLACED, listed, {"8001": KNOWN}, ListedBefore(largest_id=before))
    said = [finding.message for finding in findings]
    assert [words for words in found if any(each.startswith(words) for each in said)] == found
    kept = entries["8001"]
    assert kept is not None
    assert replace(kept, last_sent=after.last_sent) == after


def test_what_was_refused_was_not_done_to_it() -> None:
    """An edit that was refused says nothing of how a new agent looks."""
    refused = intent("edit", {"status": "disabled"}, outcome="refused")
    listed = live(live_agent("8001", name="a", status="disabled"))
    _, findings = recover((intent("create", {"name": "a"}), refused), listed, {})
    assert "nothing shows" in findings[0].message


def test_nothing_is_known_of_whom_somebody_made_anew() -> None:
    """Nothing but the vendor's id is kept; where a run had left something of the one before, it is told."""
    listed = live(*(replace(live_agent(id_), vendor_id=9) for id_ in ("8001", "8002", "8003")))
    ledger = {
        "8001": LedgerEntry(1, password_unknown=True, vendor_id=5),
        "8002": LedgerEntry(1, {"roleName": "r"}, vendor_id=5),
        "8003": LedgerEntry(1, in_doubt="author", vendor_id=9),
    }
    entries, findings = anew_entries(listed, ledger)
    assert entries == {id_: LedgerEntry(vendor_id=9, recorded=0) for id_ in ("8001", "8002")}
    assert [(finding.operator_id, finding.left_alone) for finding in findings] == [("8001", True)]


NOTED = replace(planned(desired(), live()), notes=(Note(text("anew"), ("8002",), "another-agent"),))


def test_who_was_made_anew_since_the_first_look() -> None:
    """Not whom that look showed so, nor whom the plan notes. Kept is whom it was about; no password is theirs."""
    listed = live(*(replace(live_agent(id_), vendor_id=9) for id_ in ("8001", "8002", "8003", "8004")))
    ledger = {id_: LedgerEntry(1, password_unknown=True, vendor_id=5) for id_ in ("8001", "8002", "8003")}
    ledger["8004"] = LedgerEntry(1)
    before = ListedBefore({"8003", "8004"}, identities={"8003": Identity(9), "8004": Identity(6)})
    assert anew_meanwhile(listed, ledger, before, NOTED) == {
        "8001": LedgerEntry(vendor_id=5, recorded=0),
        "8004": LedgerEntry(vendor_id=6, recorded=0),
    }
    again = replace(before, identities={**before.identities, "8002": Identity(5)})
    assert "8002" in anew_meanwhile(listed, ledger, again, NOTED)


def test_whom_an_entry_is_about() -> None:
    """One that does not say it is about whoever was listed; a replaced agent is listed by its old id."""
    before = ListedBefore({"8001"}, identities={"8001": Identity(6, 7), "8002": Identity(6)})
    assert as_listed("8001", LedgerEntry(1), before) == LedgerEntry(1, vendor_id=6, created=7)
    assert as_listed("8001", LedgerEntry(1, vendor_id=5), before) == LedgerEntry(1, vendor_id=5)
    assert as_listed("8002", LedgerEntry(1), before) == LedgerEntry(1)


def test_what_is_left_to_tell_after_a_report() -> None:
    """Of whom a plan leaves out, that they were made anew; no doubt a second time, and nothing after a whole plan."""
    kept: dict[str, Untold] = {"8001": "anew", "8002": "noted", "8003": "noted", "8004": "author"}
    assert still_untold(kept, NOTED, narrowed=True) == {"8001": "noted", "8003": "noted"}
    assert still_untold(kept, NOTED, narrowed=False) == {}


@pytest.mark.parametrize("created", [None, "done"])
def test_an_agent_that_the_run_itself_made_anew_is_owed_what_it_had(created: CallOutcome | None) -> None:
    """Where the calls of a replace were all noted before the first, its edit is about the agent of its create."""
    owed = {"sipNumber": "60007"}
    calls = (
        intent("delete", to_restore=owed, outcome=created),
        intent("create", {"name": "a"}, outcome=created),
        intent("edit", owed),
    )
    listed = live(replace(live_agent("8001", name="a", sipNumber="60009"), vendor_id=9))
    noted = [replace(call, before={}) for call in calls]
    entries, findings = recover(noted, listed, {}, ListedBefore(largest_id=8), edited_since=True)
    assert not [finding for finding in findings if finding.left_alone]
    entry = entries["8001"]
    assert entry is not None
    assert entry.to_restore == owed


@pytest.mark.parametrize(("vendor_id", "created", "gone"), [(7, 1_000, False), (7, 2_000, True), (9, 2_000, True)])
def test_a_delete_whose_agent_somebody_made_anew(vendor_id: int, created: int, gone: bool) -> None:
    """A killed run's delete counts as done where the ledger's `id` or `ctime` shows another agent under the number."""
    book = {"8001": LedgerEntry(1, vendor_id=7, created=1_000)}
    there = live(replace(live_agent("8001"), vendor_id=vendor_id, created=created))
    entries, (finding,) = recover([intent("delete")], there, book, ListedBefore(largest_id=10))
    assert (entries["8001"] is None, "another agent has its number" in finding.message) == (gone, gone)
