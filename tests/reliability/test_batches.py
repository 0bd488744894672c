"""Agents that are created together: each is accounted for, and no password stays unknown."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from reconciler.apply.channel import CallChannel, Settled
from reconciler.apply.execute import execute
from reconciler.apply.record import RunContext
from reconciler.apply.settle import settle
from reconciler.clock import now
from reconciler.core.model.desired import Company, PasswordSource, Policy
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.message import text
from reconciler.core.model.outcome import Event
from reconciler.core.model.plan import Call
from reconciler.core.model.report import Report
from reconciler.core.model.secret import Secret
from reconciler.credentials.delivery import CredentialsFile
from reconciler.ledger.books import Books
from reconciler.ledger.journal import Journal, RunRecord, last_run
from reconciler.ledger.ledger import Ledger
from reconciler.ledger.on_disk import LocalStore
from reconciler.sandbox.server import Box, running
from reconciler.vendor.answer import Lost, NotSent, Ok, Outcome, Refused, Stranger, Undecided
from reconciler.vendor.reader import LookedUp
from reconciler.vendor.retry import Budget
from tests.core.build import live_agent
from tests.process import TOKEN, Workplace
from tests.reliability.mixed import Applier, credential_lines, known_credentials

IDS = ("8001", "8002", "8003")
BATCH = Call("create", IDS, (0, 1, 2), {"name": "外呼"}, vendor_password=True)
NO, BROKEN, LOST, GONE = (
    Refused(20005, text("in use")),
    Refused(500, text("internal error")),
    Lost(text("no answer")),
    Ok(None),
)


def item(operator_id: str, password: str | None = "123456") -> dict[str, Any]:  # noqa: S107 - a made-up one
    """What the answer says of one agent."""
    return {"operatorId": operator_id, "operatorPassword": password, "sipNumber": f"6{operator_id}", "sipPassword": "s"}


def here(operator_id: str) -> Outcome:
    """What a look at one that exists shows."""
    return Ok(
        LookedUp(live_agent(operator_id, name="外呼", sipNumber=f"6{operator_id}"), f"6{operator_id}", Secret("s"))
    )


def seen(operator_id: str) -> dict[str, Any]:
    """The same, as the answer would have told it."""
    return {name: value for name, value in item(operator_id).items() if name != "operatorPassword"}


@dataclass(slots=True)
class Scripted:
    """A vendor whose answers are written down, and every request with its password."""

    answers: list[Outcome]
    looks: list[Outcome] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    passwords: list[Secret | None] = field(default_factory=list)
    then: Callable[[], None] = lambda: None
    """Called with each request."""

    def create(self, operator_ids: tuple[str, ...], _fields: object, password: Secret | None) -> Outcome:
        return self._next(f"create {' '.join(operator_ids)}", password)

    def password(self, operator_id: str, password: Secret) -> Outcome:
        return self._next(f"password {operator_id}", password)

    def edit(self, operator_id: str, _fields: object) -> Outcome:
        return self._next(f"edit {operator_id}", None)

    def look_up(self, operator_id: str) -> Outcome:
        self.asked.append(f"look {operator_id}")
        return self.looks.pop(0)

    def _next(self, what: str, password: Secret | None) -> Outcome:
        self.asked.append(what)
        self.passwords.append(password)
        self.then()
        return self.answers.pop(0)


def channel(vendor: Scripted, stop: threading.Event | None = None) -> CallChannel:
    """What a call is sent with; 8001 is the one whose password is known."""
    hand = cast(Any, vendor)
    return CallChannel(
        hand,
        hand,
        {"8001": Secret("our-own-password-1")},
        Budget(100),
        stop or threading.Event(),
        lambda _seconds: None,
    )


def part(*operator_ids: str, vendor: bool = True) -> Call:
    """A part of the batch."""
    return replace(BATCH.narrowed_to(operator_ids), vendor_password=vendor)


def brief(settled: Settled) -> list[tuple[str, type]]:
    """Whose end is known, and what it is."""
    return [(" ".join(made.operator_ids), type(outcome)) for made, outcome in settled.over]


def test_an_answer_that_names_all() -> None:
    """Everybody in the answer is made, and their passwords are the answer's."""
    vendor = Scripted([Ok([item(id_) for id_ in reversed(IDS)])])
    assert settle(BATCH, channel(vendor)) == Settled([(BATCH, Ok([item(id_) for id_ in IDS]))], [])
    assert (vendor.asked, vendor.passwords) == (["create 8001 8002 8003"], [None])


def test_an_answer_that_leaves_somebody_out() -> None:
    """Who is not in the answer is looked up: there, somebody else made it; not there, it is created alone."""
    vendor = Scripted([Ok([item("8002")])], [here("8001"), GONE])
    ended = settle(BATCH, channel(vendor))
    assert brief(ended) == [("8002", Ok), ("8001", Stranger)]
    assert ended.to_resend == [part("8003", vendor=False)]
    assert vendor.asked == ["create 8001 8002 8003", "look 8001", "look 8003"]


@pytest.mark.parametrize("data", [None, [], {}, "x", [1, {"operatorId": ""}]])
def test_an_answer_that_names_nobody(data: Any) -> None:
    """A success that names nobody is believed where all are there as it asked; one alone proves nothing."""
    vendor = Scripted([Ok(data)], [GONE, here("8002"), GONE])
    ended = settle(BATCH, channel(vendor))
    assert brief(ended) == [("8002", Undecided)]
    assert ended.to_resend == [part("8001", vendor=False), part("8003", vendor=False)]
    all_there = settle(BATCH, channel(Scripted([Ok(data)], [*map(here, IDS)])))
    assert brief(all_there) == [(id_, Ok) for id_ in IDS]


def test_an_answer_that_leaves_somebody_out_who_cannot_be_looked_up() -> None:
    """Then nobody knows, and the next run finds out."""
    vendor = Scripted([Ok([item("8001"), item("8002")])], [LOST, LOST])
    (made, unseen) = settle(BATCH, channel(vendor)).over
    assert made == (part("8001", "8002"), Ok([item("8001"), item("8002")]))
    assert (unseen[0], type(unseen[1])) == (part("8003"), Lost)


@pytest.mark.parametrize("password", [None, ""])
def test_an_answer_without_a_password(password: str | None) -> None:
    """Who was made with a password that the answer does not tell ends alone, to be given another."""
    vendor = Scripted([Ok([item("8001"), item("8002", password), item("8003")])])
    assert settle(BATCH, channel(vendor)).over == [
        (part("8001", "8003"), Ok([item("8001"), item("8003")])),
        (part("8002"), Ok([item("8002", password)])),
    ]


def test_an_answer_with_a_stranger() -> None:
    """Who was made and not asked for is told of."""
    vendor = Scripted([Ok([*map(item, IDS), item("8004")])])
    ended = settle(BATCH, channel(vendor))
    assert ended.strangers == (item("8004"),)
    assert ended.over == [(BATCH, Ok([*map(item, IDS)]))]


def test_a_refused_batch_is_halved() -> None:
    """A refusal says that nobody was made; who ends up alone gets a password of ours."""
    vendor = Scripted([NO])
    halves = [part("8001", vendor=False), part("8002", "8003")]
    assert settle(BATCH, channel(vendor)) == Settled([], halves, batch=BATCH, refused=NO)
    assert vendor.asked == ["create 8001 8002 8003"]


def test_a_batch_that_is_refused_in_part() -> None:
    """Whom a refusal names with a password was made; the others are sent again."""
    vendor = Scripted([replace(NO, data=[item("8002")])])
    assert settle(BATCH, channel(vendor)) == Settled(
        [(part("8002"), Ok([item("8002")]))], [part("8001", vendor=False), part("8003", vendor=False)]
    )


def test_a_batch_without_a_valid_token() -> None:
    """Nothing is halved when the vendor does not know us."""
    refused = Refused(401, text("who"), authentication=True)
    assert settle(BATCH, channel(Scripted([refused]))) == Settled([(BATCH, refused)])


def test_a_lost_batch_that_made_nobody() -> None:
    """It is sent again as it is, once everybody was looked for."""
    vendor = Scripted([LOST, Ok([*map(item, IDS)])], [GONE] * 3)
    assert [made for made, _ in settle(BATCH, channel(vendor)).over] == [BATCH]
    assert vendor.asked == ["create 8001 8002 8003", *(f"look {id_}" for id_ in IDS), "create 8001 8002 8003"]


def test_a_lost_batch_that_made_some() -> None:
    """Nothing shows who made those who are there; the others are sent again, and the first request may yet come."""
    vendor = Scripted([LOST], [here("8001"), GONE, GONE])
    ended = settle(BATCH, channel(vendor))
    assert brief(ended) == [("8001", Undecided)]
    assert (ended.to_resend, ended.maybe_sent) == ([part("8002", "8003")], True)


def test_a_lost_batch_that_comes_through_late() -> None:
    """Refused the second time, everybody is looked for again: the first try is what was in the way."""
    vendor = Scripted([LOST, NO], [GONE, GONE, GONE, *map(here, IDS)])
    ended = settle(BATCH, channel(vendor))
    assert [(made, outcome) for made, outcome in ended.over] == [(part(id_), Ok([seen(id_)])) for id_ in IDS]
    assert ended.to_resend == []


@pytest.mark.parametrize("looks", [[LOST] * 2, [GONE, *[NotSent(text("no connection"))] * 2]])
def test_a_lost_batch_that_cannot_be_looked_up(looks: list[Outcome]) -> None:
    """It stays lost, and is not sent again blindly."""
    vendor = Scripted([LOST], looks)
    assert settle(BATCH, channel(vendor)) == Settled([(BATCH, LOST)])


def test_a_look_without_an_answer_is_repeated() -> None:
    """One hiccup among the looks does not leave a whole batch in doubt."""
    vendor = Scripted([LOST], [here("8001"), LOST, here("8002"), here("8003")])
    ended = settle(BATCH, channel(vendor))
    assert [(made, outcome) for made, outcome in ended.over] == [(part(id_), Ok([seen(id_)])) for id_ in IDS]


def test_a_lost_batch_that_is_turned_away_then() -> None:
    """Lost once and never sent again since: it counts as lost."""
    away = NotSent(text("429"))
    vendor = Scripted([LOST, away, away, away], [GONE] * 3)
    ((_, outcome),) = settle(BATCH, channel(vendor)).over
    assert isinstance(outcome, Lost)
    ((_, outcome),) = settle(BATCH, channel(Scripted([away] * 4))).over
    assert outcome == away


def test_a_stopped_run_looks_for_nobody() -> None:
    """Told to stop, a batch without an answer is the next run's."""
    stop = threading.Event()
    stop.set()
    for outcome in (LOST, NotSent(text("429"))):
        vendor = Scripted([outcome])
        assert settle(BATCH, channel(vendor, stop)) == Settled([(BATCH, outcome)])


def test_a_shared_secret_is_known_whatever_happens() -> None:
    """Where the batch was sent with our password and has made all, nobody's is unknown."""
    ours = replace(BATCH, password=PasswordSource("env", "A", 1), vendor_password=False)
    vendor = Scripted([LOST], [here("8001"), GONE, here("8003")])
    ended = settle(ours, channel(vendor))
    assert brief(ended) == [("8001", Undecided), ("8003", Undecided)]
    assert ended.to_resend == [ours.narrowed_to(["8002"])]
    all_there = settle(ours, channel(Scripted([LOST], [*map(here, IDS)])))
    assert all_there.over == [(ours, Ok([*map(seen, IDS)]))]
    assert [secret.reveal() for secret in vendor.passwords if secret] == ["our-own-password-1"]


@pytest.mark.parametrize("first", [NO, LOST])
def test_one_that_an_earlier_batch_may_have_made(first: Outcome) -> None:
    """Sent alone after a batch without an answer, and found there: the password in force may be the vendor's."""
    alone = part("8001", vendor=False)
    vendor = Scripted([first], [here("8001")])
    assert settle(alone, channel(vendor), maybe_sent=True) == Settled([(part("8001"), Ok([seen("8001")]))])
    assert settle(alone, channel(Scripted([NO]))) == Settled([(alone, NO)])


# With the books


EDITS = tuple(Call("edit", (id_,), (n,), {"mainGroupName": "g"}, requires_success_of=(0,)) for n, id_ in enumerate(IDS))


@dataclass(slots=True)
class LeftOnDisk:
    """What a run leaves on the disk."""

    folder: Path
    ledger: Ledger
    strangers: list[str] = field(default_factory=list)

    @property
    def passwords(self) -> dict[str, str]:
        """The latest of each agent."""
        return {id_: said["password"] for id_, said in known_credentials(self.folder).items() if said["password"]}

    @property
    def open(self) -> list[str]:
        """Who is open in the journal."""
        run = last_run(self.folder / ".reconciler/journal.jsonl")
        return [id_ for kept in run.calls if not kept.settled for id_ in kept.intent.operator_ids] if run else []


def carried_out(folder: Path, vendor: Scripted, *calls: Call) -> tuple[list[tuple[str, str, str]], LeftOnDisk]:
    """The events in few words, and the books."""
    store = LocalStore(folder / ".reconciler/ledger.json")
    books = LeftOnDisk(folder, Ledger(store, Company("acme")))
    credentials = CredentialsFile(folder / ".reconciler/credentials-1.jsonl", now)
    stop = threading.Event()
    journal = Journal(folder / ".reconciler/journal.jsonl")
    with closing(credentials), closing(journal):
        journal.begin(RunRecord("r", "", "acme", len(calls), "", "l", 0))
        context = RunContext(channel(vendor, stop), Books(books.ledger, journal, "r"), credentials, 1, books.strangers)
        events = [told(event) for event in execute(calls, context)]
    return events, books


def told(event: Event) -> tuple[str, str, str]:
    """An event in few words."""
    return event.call.kind, " ".join(event.call.operator_ids), event.outcome


def test_what_the_vendor_chose_is_delivered(tmp_path: Path) -> None:
    """The passwords of the answer are in the file, with the SIP part, and nobody is in doubt."""
    vendor = Scripted([Ok([item(id_, f"pw{id_}") for id_ in IDS])])
    events, books = carried_out(tmp_path, vendor, BATCH)
    assert events == [("create", "8001 8002 8003", "done")]
    assert books.passwords == {id_: f"pw{id_}" for id_ in IDS}
    assert {line["sipNumber"] for line in credential_lines(tmp_path)} == {f"6{id_}" for id_ in IDS}
    assert books.open == []
    assert not any(entry.password_unknown for entry in books.ledger.entries.values())


def test_a_shared_secret_is_stored_before_the_call(tmp_path: Path) -> None:
    """Each agent's line is on the disk when the request leaves, and is withdrawn when that is refused for good."""
    ours = replace(BATCH, password=PasswordSource("env", "A", 1), vendor_password=False)
    stored: list[list[str]] = []
    vendor = Scripted([Ok([item(id_, "shared") for id_ in IDS])])
    vendor.then = lambda: stored.append([line["operatorId"] for line in credential_lines(tmp_path)])
    secret = {id_: Secret("shared") for id_ in IDS}
    hand = channel(vendor)
    hand.passwords.update(secret)
    with closing(CredentialsFile(tmp_path / ".reconciler/credentials-1.jsonl", now)) as credentials:
        context = RunContext(hand, Books(_ledger(tmp_path), Journal(tmp_path / "j"), "r"), credentials, 1)
        assert [told(event)[2] for event in execute([ours], context)] == ["done"]
        vendor.answers = [Refused(401, text("who"), authentication=True)]
        assert [told(event)[2] for event in execute([ours], context)] == ["refused"]
    assert stored[0] == list(IDS)
    assert [line["operatorId"] for line in credential_lines(tmp_path) if line.get("withdrawn")] == list(IDS)


def _ledger(folder: Path) -> Ledger:
    return Ledger(LocalStore(folder / ".reconciler/ledger.json"), Company("acme"))


def test_who_is_refused_alone_stops_nobody_else(tmp_path: Path) -> None:
    """Halved down to the culprit: the others are made and edited, and its own edit is not tried."""
    answers: list[Outcome] = [NO, Ok([item("8001", None)]), NO, NO, Ok([item("8003", None)]), Ok({}), Ok({})]
    vendor = Scripted(answers)
    events, books = carried_out(tmp_path, vendor, BATCH, *EDITS)
    assert vendor.asked == [
        *("create 8001 8002 8003", "create 8001", "create 8002 8003", "create 8002", "create 8003"),
        *("edit 8001", "edit 8003"),
    ]
    assert sorted(events) == [
        *(("create", "8001", "done"), ("create", "8002", "refused"), ("create", "8003", "done")),
        *(("edit", "8001", "done"), ("edit", "8002", "skipped"), ("edit", "8003", "done")),
    ]
    # Alone they were created with passwords that were known before.
    sends = [asked for asked in vendor.asked if not asked.startswith("look")]
    created = {asked: sent for asked, sent in zip(sends, vendor.passwords, strict=True) if sent}
    assert {id_: created[f"create {id_}"].reveal() for id_ in IDS} == books.passwords  # 8002's waits for the read-back
    assert min(map(len, books.passwords.values())) >= 18
    assert books.open == []


def as_asked(operator_id: str) -> Outcome:
    """What a look shows at one that the batch has made."""
    return Ok(LookedUp(live_agent(operator_id, name="外呼"), None, None))


@pytest.mark.parametrize(
    ("answers", "looks"),
    [
        ([BROKEN, NO, Ok(), Ok(), Ok()], [*map(as_asked, IDS)]),
        ([Ok(), NO, Ok(), Ok(), Ok()], [GONE] * 3 + [*map(as_asked, IDS)]),
    ],
    ids=["a server error, and made all the same", "made after it was looked for"],
)
def test_what_a_batch_made_against_its_answer(tmp_path: Path, answers: list[Outcome], looks: list[Outcome]) -> None:
    """Where one is refused alone, and all are there as the batch asked, it made them: passwords are set, and known."""
    vendor = Scripted(answers, looks)
    events, books = carried_out(tmp_path, vendor, BATCH)
    assert sorted(events) == [("create", id_, "done") for id_ in IDS]
    assert set(books.passwords) == set(IDS)
    assert [asked for asked in vendor.asked if asked.startswith("password")] == [f"password {id_}" for id_ in IDS]
    assert (books.open, vendor.answers) == ([], [])


def test_what_is_there_after_a_refused_batch(tmp_path: Path) -> None:
    """A refusal in words says that somebody else made them, however they look: nothing is set, the doubt is kept."""
    vendor = Scripted([NO] * 5, [*map(as_asked, IDS)] * 3)
    events, books = carried_out(tmp_path, vendor, BATCH)
    assert sorted(events) == [("create", id_, "refused") for id_ in IDS]
    assert not [asked for asked in vendor.asked if asked.startswith("password")]
    assert books.ledger.entries == {"8001": LedgerEntry(in_doubt="author")}  # of the others the read-back tells


@pytest.mark.parametrize("told", ["another-one", "*****", "", None, "the sent one", "its digest"])
def test_another_password_than_was_sent(tmp_path: Path, told: str | None) -> None:
    """Where the vendor names another password than it was sent, ours is set; a masked one or a digest is no other."""
    alone = replace(part("8001", vendor=False), password=PasswordSource("generate", "", 1))
    ours = channel(Scripted([])).passwords["8001"].reveal()
    said = {"the sent one": ours, "its digest": hashlib.md5(ours.encode()).hexdigest()}
    vendor = Scripted([Ok([item("8001", said.get(told or "", told))]), Ok()])
    events, books = carried_out(tmp_path, vendor, alone)
    assert events == [("create", "8001", "done")]
    assert books.passwords == {"8001": ours}
    assert vendor.asked[1:] == (["password 8001"] if told == "another-one" else [])


def test_another_password_in_a_batch(tmp_path: Path) -> None:
    """Of a batch with a shared secret only those are set anew of whom the vendor names another password."""
    ours = replace(BATCH, password=PasswordSource("env", "A", 1), vendor_password=False)
    vendor = Scripted([Ok([item(id_, "other" if id_ == "8002" else "shared") for id_ in IDS]), Ok()])
    hand = channel(vendor)
    hand.passwords.update({id_: Secret("shared") for id_ in IDS})
    ledger = _ledger(tmp_path)
    with closing(CredentialsFile(tmp_path / ".reconciler/credentials-1.jsonl", now)) as credentials:
        context = RunContext(hand, Books(ledger, Journal(tmp_path / "j"), "r"), credentials, 1)
        events = [told(event) for event in execute([ours], context)]
    assert sorted(events) == [("create", id_, "done") for id_ in IDS]
    assert vendor.asked[1:] == ["password 8002"]
    assert ledger.entries == {id_: LedgerEntry(1, recorded=1) for id_ in IDS}


def test_a_lost_password_is_set_anew(tmp_path: Path) -> None:
    """Who was made by a batch without an answer gets a password that is on the disk before it is set."""
    vendor = Scripted([LOST, *[Ok()] * 3], [*map(here, IDS)])
    events, books = carried_out(tmp_path, vendor, BATCH)
    assert vendor.asked[-3:] == [f"password {id_}" for id_ in IDS]
    assert events == [("create", id_, "done") for id_ in IDS]
    sent = [secret.reveal() for secret in vendor.passwords if secret]
    assert [books.passwords[id_] for id_ in IDS] == sent
    assert not any(entry.password_unknown for entry in books.ledger.entries.values())
    assert books.open == []


def test_a_lost_password_that_cannot_be_set(tmp_path: Path) -> None:
    """The create is not called done: the ledger and the journal keep the doubt, and the next run sets it."""
    vendor = Scripted([LOST, Ok(), Refused(20099, text("no")), Ok()], [*map(here, IDS)])
    events, books = carried_out(tmp_path, vendor, BATCH)
    assert events == [("create", "8001", "done"), ("create", "8002", "lost"), ("create", "8003", "done")]
    assert {id_ for id_, entry in books.ledger.entries.items() if entry.password_unknown} == {"8002"}
    assert books.open == ["8002"]


def test_a_run_that_ends_before_lost_passwords_are_set(tmp_path: Path) -> None:
    """Stopped by a token that is no longer good, whoever was made is still in doubt, and what is left is not tried."""
    vendor = Scripted([LOST, Refused(401, text("who"), authentication=True)], [*map(here, IDS)])
    events, books = carried_out(tmp_path, vendor, BATCH, *EDITS)
    assert sorted(events) == [*(("create", id_, "lost") for id_ in IDS), *(("edit", id_, "skipped") for id_ in IDS)]
    assert vendor.asked[-1] == "password 8001"
    assert books.open == list(IDS)
    assert all(books.ledger.entries[id_].password_unknown for id_ in IDS)


def test_a_run_that_ends_between_halves(tmp_path: Path) -> None:
    """What a stopped run does not send again is told as not tried."""
    vendor = Scripted([NO, Refused(401, text("who"), authentication=True)])
    events, books = carried_out(tmp_path, vendor, BATCH)
    assert events == [("create", "8001", "refused"), ("create", "8002 8003", "skipped")]
    assert books.open == []


def test_what_was_tried_and_not_sent_again_stays_in_doubt(tmp_path: Path) -> None:
    """Of a lost batch some are there, and then the run ends: another may come through yet, and the next run looks."""
    vendor = Scripted([LOST, Refused(401, text("who"), authentication=True)], [here("8001"), GONE, here("8003")])
    events, books = carried_out(tmp_path, vendor, BATCH)
    assert vendor.asked[-1] == "create 8002"
    ended = [("create", "8001", "refused"), ("create", "8002", "lost"), ("create", "8003", "refused")]
    assert sorted(events) == ended
    assert set(books.open) == {"8002"}


def test_a_stranger_is_told_of_and_delivered(tmp_path: Path) -> None:
    """Whom the vendor made unasked is kept in mind, with its password."""
    vendor = Scripted([Ok([*map(item, IDS), item("8004", "odd-one")])])
    _, books = carried_out(tmp_path, vendor, BATCH)
    assert books.strangers == ["8004"]
    assert books.passwords["8004"] == "odd-one"


# Over HTTP


@pytest.fixture(scope="module")
def vendor() -> Iterator[Box]:
    """A sandbox of this module's own."""
    with running(token=TOKEN, company="acme:4242") as box:
        yield box
        box.faults([])


def pool(folder: Path, box: Box, first: str, last: str, more: str = "name: 外呼") -> Applier:
    """A file with one pool, and nobody live."""
    box.faults([])
    box.store.reset([])
    head = "version: 1\ncompany: {abbreviate: acme, companyId: 4242}\n"
    (folder / "agents.yaml").write_text(f'{head}pools:\n  - {{from: "{first}", to: "{last}", {more}}}\n')
    return Applier(folder, box, Policy())


def assert_all_known(applier: Applier) -> None:
    """Nothing is left to do, and every live agent's password and SIP password are in the credentials."""
    assert applier.left() == 0
    known = known_credentials(applier.folder)
    for operator_id, agent in applier.box.store.agents().items():
        assert hashlib.md5(known[operator_id]["password"].encode()).hexdigest() == agent["password_md5"]
        assert known[operator_id].get("sipPassword") == agent["sipPassword"]


def creates(box: Box) -> list[int]:
    """How many agents each create was about."""
    return [len(written.operator_ids) for written in box.store.history() if written.endpoint == "create/v2"]


def test_a_pool_of_a_thousand_is_one_call(vendor: Box, tmp_path: Path) -> None:
    """A thousand equal agents: one request, and a thousand credentials."""
    applier = pool(tmp_path, vendor, "8000", "8999")
    ended = applier.apply()
    assert isinstance(ended, Report)
    assert ended.exit_code == 0
    assert creates(vendor) == [1000]
    assert len(known_credentials(tmp_path)) == 1000
    assert_all_known(applier)


def test_six_hundred_deletes_are_six_calls(vendor: Box, tmp_path: Path) -> None:
    """Deletes go in lists of a hundred."""
    applier = pool(tmp_path, vendor, "7000", "7000")
    vendor.store.reset([{"operatorId": str(number)} for number in range(7000, 7601)])
    (tmp_path / "agents.yaml").write_text((tmp_path / "agents.yaml").read_text() + "guardrails: {maxDeletes: 100%}\n")
    applier.apply()
    deletes = [len(w.operator_ids) for w in vendor.store.history() if w.endpoint == "del/v2"]
    assert deletes == [100] * 6


@pytest.mark.parametrize("fault", ["drop-before", "drop-after", "truncated", "html-after", "5xx-after"])
def test_a_lost_answer_is_settled(vendor: Box, tmp_path: Path, fault: str) -> None:
    """A batch whose answer is lost, carried out or not: every agent is there and every password known."""
    applier = pool(tmp_path, vendor, "8001", "8020")
    vendor.faults([{"endpoint": "create/v2", "calls": [1], "fault": fault}])
    ended = applier.apply()
    assert isinstance(ended, Report)
    assert ended.exit_code == 0, ended
    vendor.faults([])
    assert_all_known(applier)


def test_a_lost_answer_and_no_password_either(vendor: Box, tmp_path: Path) -> None:
    """Where the new passwords are refused the run is not done; the next plan sets them, and then all are known."""
    applier = pool(tmp_path, vendor, "8001", "8004")
    vendor.faults(
        [{"endpoint": "create/v2", "calls": [1], "fault": "drop-after"}, {"endpoint": "editPwd", "fault": "refuse"}]
    )
    ended = applier.apply()
    assert isinstance(ended, Report)
    assert ended.exit_code == 1, ended
    assert all("nobody knows its password" in result.message for result in ended.results)
    vendor.faults([])
    assert [(action.kind, action.operator_id) for action in applier.plan().actions] == [
        ("password", id_) for id_ in ("8001", "8002", "8003", "8004")
    ]
    applier.apply()
    assert_all_known(applier)


def test_who_came_late_is_delivered_whole(vendor: Box, tmp_path: Path) -> None:
    """An agent that a create made after it was given up gets a new password, and its SIP password is fetched too."""
    applier = pool(tmp_path, vendor, "8001", "8002", "name: late")
    vendor.store.reset([{"operatorId": id_, "name": "late", "sipNumber": f"6000{id_[-1]}"} for id_ in ("8001", "8002")])
    store = LocalStore(applier.books / "ledger.json")
    with store.lock():
        Ledger(
            store,
            Company("acme"),
            {"8001": LedgerEntry(password_unknown=True), "8002": LedgerEntry(password_unknown=True)},
        ).save("r")
    ended = applier.apply()
    assert isinstance(ended, Report)
    assert (ended.exit_code, ended.done) == (0, 2)
    assert_all_known(applier)


def test_an_id_that_is_taken_meanwhile(vendor: Box, tmp_path: Path) -> None:
    """Somebody makes one of the agents between plan and apply: the others are made in few calls, and it is told of."""
    applier = pool(tmp_path, vendor, "8001", "8064")
    vendor.store.reset([])
    taken = {"operatorId": "8021", "name": "console"}
    applier.planned = lambda _sight: vendor.store.reset([taken])
    ended = applier.apply()
    assert isinstance(ended, Report)
    assert ended.exit_code == 4
    failed = [result for result in ended.results if result.outcome != "done"]
    assert [(result.action.operator_id, "in use" in result.message or "已" in result.message) for result in failed] == [
        ("8021", True)
    ]
    assert sum(creates(vendor)) <= 64 * 7
    assert len(creates(vendor)) == 1 + 2 * 6
    assert len(vendor.store.agents()) == 64
    assert vendor.store.agents()["8021"]["name"] == "console"


def test_without_batches_every_password_is_strong(vendor: Box, tmp_path: Path) -> None:
    """`--no-batch` creates one by one, with passwords of our own; the plan says what that costs."""
    applier = pool(tmp_path, vendor, "8001", "8003")
    place = Workplace(tmp_path, vendor.url)
    ran = place.run("apply", "-y", "--no-batch")
    assert ran.code == 0, ran.err
    assert "API calls: 3 (3 create), where 1 would do." in ran.out
    assert creates(vendor) == [1, 1, 1]
    assert min(len(each["password"]) for each in known_credentials(tmp_path).values()) >= 20
    assert applier.left() == 0


def test_a_saved_plan_keeps_its_batches(vendor: Box, tmp_path: Path) -> None:
    """What was reviewed in batches is applied in batches, and the flags cannot say otherwise then."""
    pool(tmp_path, vendor, "8001", "8003")
    place = Workplace(tmp_path, vendor.url)
    ran = place.run("plan", "--out", "plan.json")
    assert ran.code == 0, ran.err
    assert "password: chosen by the vendor, in a batch" in ran.out
    assert "Note: created in 1 batch; the vendor chooses their passwords, which are delivered: 8001…8003" in ran.out
    assert "API calls: 1 (1 create), the fewest possible." in ran.out
    assert place.run("apply", "plan.json", "-y", "--no-batch").code == 64
    assert place.run("apply", "plan.json", "-y", "--delete-list", "5").code == 64
    ran = place.run("apply", "plan.json", "-y")
    assert ran.code == 0, ran.err
    assert creates(vendor) == [3]


def test_shorter_delete_lists(vendor: Box, tmp_path: Path) -> None:
    """`--delete-list` is how many one call names; more than a hundred is no use of the command."""
    pool(tmp_path, vendor, "7000", "7000")
    vendor.store.reset([{"operatorId": str(number)} for number in range(7000, 7008)])
    place = Workplace(tmp_path, vendor.url)
    ran = place.run("apply", "-y", "--delete-list", "3", "--max-deletes", "100%")
    assert ran.code == 0, ran.err
    assert sorted(len(w.operator_ids) for w in vendor.store.history() if w.endpoint == "del/v2") == [1, 3, 3]
    assert place.run("plan", "--delete-list", "101").code == 64
