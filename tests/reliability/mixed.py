"""One plan with everything in it, a way to apply it here, and the checker that reads the vendor's history."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.apply.goal import FilesGoal
from reconciler.apply.refresh import Refreshed, Session, refresh
from reconciler.apply.run import adopt, carry_out, nothing_to_do, record_recovery
from reconciler.clock import now
from reconciler.core.model.desired import Policy
from reconciler.core.model.message import text
from reconciler.core.model.outcome import Event
from reconciler.core.model.plan import Plan
from reconciler.core.model.report import Report
from reconciler.core.model.secret import Secret
from reconciler.credentials.delivery import CredentialsFile
from reconciler.credentials.passwords import PasswordRules, resolve_passwords
from reconciler.errors import Declined, ReconcilerError
from reconciler.files.desired_files import FilesRead, load_desired
from reconciler.ledger.on_disk import LocalStore
from reconciler.sandbox.server import Box
from reconciler.settings import Connection
from reconciler.vendor.http import Transport, connected
from reconciler.vendor.rate_limit import RateLimiter
from tests.parent import hurry
from tests.process import TOKEN, books_of

LIVE: list[dict[str, Any]] = [
    {"operatorId": "8001", "sipNumber": "60001"},
    {"operatorId": "8002", "sipNumber": "60002"},
    {"operatorId": "8003", "name": "old"},
    {"operatorId": "8004"},
    {"operatorId": "8005"},
    {"operatorId": "8006", "sipNumber": "60006"},
    {"operatorId": "8007", "judge": 1, "sipNumber": "60007"},
    {"operatorId": "8008", "name": "same"},
]
FILE = """version: 1
company: {abbreviate: acme, companyId: 4242}
guardrails: {maxDeletes: 100%}
agents:
  - {operatorId: "8001", sipNumber: "60002"}
  - {operatorId: "8002", sipNumber: "60001"}
  - {operatorId: "8003", name: new, roleName: 客服, afterInterval: 9}
  - {operatorId: "8004", password: {env: AGENT_GIVEN, version: 2}}
  - {operatorId: "8007", judge: false}
  - {operatorId: "8008", name: same}
  - {operatorId: "8010", name: 新人, status: disabled, mainGroupName: 一组, roleName: 客服, bindSkillName: 热线}
  - {operatorId: "8011", password: {generate: true, version: 1}}
  - {operatorId: "8012", sipNumber: "60006", password: {env: AGENT_GIVEN, version: 1}}
  - {operatorId: "8013"}
pools:
  - {from: "8015", to: "8017", name: 外呼}
  - {from: "8021", to: "8022", password: {env: AGENT_GIVEN, version: 1}}
"""
CROWD = 2000
"""Agents whom nothing is to happen to, so many that to look at those of the plan takes fewer calls than the listing."""
CROWDED = FILE + f'  - {{from: "{900_001}", to: "{900_000 + CROWD}"}}\n'
BATCHED = ("8015", "8016", "8017")
"""Created together, with passwords that the vendor chooses."""
MADE = ("8010", "8011", "8012", "8013", *BATCHED, "8021", "8022")
GIVEN = "given-password-密"


@dataclass(slots=True)
class Applier:
    """Applies the file in a folder to a sandbox, again and again, as pipelines would."""

    folder: Path
    box: Box
    policy: Policy = field(default_factory=lambda: Policy(allow_replace=True))
    runs: list[Report | str] = field(default_factory=list)
    tries: int = 0
    timeout: float = 10
    parallelism: int = 4
    passwords: dict[str, str] = field(default_factory=lambda: {"AGENT_GIVEN": GIVEN})
    planned: Callable[[Refreshed], None] = lambda _sight: None
    """Called between the plan and the first call: what happens meanwhile."""
    ledger_folder: Path | None = None
    """The folder of a ledger that is shared with others; the journal stays in the own one."""
    rate: float = 0
    """Requests a second, by a clock that is in a hurry; 0 for no limit, so that nobody waits."""
    waited: Callable[[], None] = lambda: None
    """Called as each wait of the limiter, or between two tries, ends."""
    late: list[str] = field(default_factory=list)
    """Requests that left although the run was stopped while they waited."""
    everybody: bool = False
    """Whether the read-back looks at everybody."""
    ended: Callable[[Event], None] = lambda _event: None
    """Called as each call ends; what it raises is how the run ends, its books left as they are."""

    @property
    def file(self) -> Path:
        """The desired-state file."""
        return self.folder / "agents.yaml"

    @property
    def books(self) -> Path:
        """The folder of the vendor's books."""
        return books_of(self.folder, self.box.url)

    def apply(self, stop: threading.Event | None = None) -> Report | str:
        """One run; the words of what stopped it before anything was sent where something did."""
        try:
            ended: Report | str = self._with_bench(self._run, stop or threading.Event())
        except ReconcilerError as error:
            ended = error.message
        self.runs.append(ended)
        return ended

    def plan(self) -> Plan:
        """What a plan would show now."""
        planned: Plan = self._with_bench(lambda session, _stop: refresh(session, _quiet).plan, threading.Event())
        return planned

    def adopt(self, *patterns: str) -> int:
        """Record what the file says of the agents as applied; returns of how many."""
        path = self.books / "credentials-adopt.jsonl"
        desired = load_desired([self.file])
        with closing(CredentialsFile(path, now)) as credentials:
            adopted: int = self._with_bench(
                lambda session, _stop: adopt(session, desired, patterns, credentials, _quiet), threading.Event()
            )
        return adopted

    def left(self) -> int:
        """How many actions a plan still has."""
        return len(self.plan().actions)

    def _with_bench(self, work: Callable[[Session, threading.Event], Any], stop: threading.Event) -> Any:
        settings = Connection(self.box.url, Secret(TOKEN), parallelism=self.parallelism, rate=0, timeout=self.timeout)
        waits = threading.local()

        def wait(seconds: float) -> None:
            stop.wait(min(seconds, 0.005))
            self.waited()
            waits.over = stop.is_set()

        with connected(settings, wait) as transport:
            hurry(transport)
            if self.rate:
                transport.limiter = RateLimiter(self.rate, sleep=transport.sleep)
            transport.stopped = stop.is_set
            self._watch_departures(transport, waits)
            store = LocalStore((self.ledger_folder or self.books) / "ledger.json")
            journal = self.books / "journal.jsonl"
            goal = FilesGoal(FilesRead(load_desired([self.file])), self.policy)
            session = Session(goal, transport, store, journal, self.file.parent, everybody=self.everybody)
            return work(session, stop)

    def _watch_departures(self, transport: Transport, waits: threading.local) -> None:
        """Note each request that goes on the wire from a wait that the end of the run has ended."""
        handle = transport._http.handle_request

        def leave(request: Any) -> Any:
            if getattr(waits, "over", False):
                self.late.append(request.url.path)
            return handle(request)

        transport._http.handle_request = leave  # type: ignore[method-assign]

    def _run(self, session: Session, stop: threading.Event) -> Report:
        self.tries += 1
        path = self.books / f"credentials-{self.tries:03}.jsonl"
        with session.store.lock(), closing(CredentialsFile(path, now)) as credentials:
            refreshed: Refreshed = refresh(session, _quiet)
            record_recovery(session, refreshed, credentials)
            if not refreshed.plan.actions:
                return nothing_to_do(refreshed)
            if refreshed.plan.refused:
                raise Declined("not-approved", text("nothing was done"))
            ours = [action for action in refreshed.plan.actions if not action.vendor_password]
            passwords = resolve_passwords(ours, self.passwords, PasswordRules(("*",)))
            self.planned(refreshed)
            return carry_out(session, refreshed, passwords, credentials, stop, self.ended)


def _quiet(_done: int, _total: int) -> None:
    """No progress."""


def begin(folder: Path, box: Box, *, crowded: bool = False) -> Applier:
    """The live agents and the file, before the first run; `crowded`: among many others."""
    crowd = [{"operatorId": str(900_001 + number)} for number in range(CROWD if crowded else 0)]
    box.store.reset([*LIVE, *crowd])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "agents.yaml").write_text(CROWDED if crowded else FILE, encoding="utf-8")
    return Applier(folder, box)


def known_credentials(folder: Path) -> dict[str, dict[str, str]]:
    """The latest that the credentials files say of each agent; a password that was withdrawn gives way to the last."""
    known: dict[str, dict[str, str]] = {}
    passwords: defaultdict[str, list[str]] = defaultdict(list)
    stored: dict[str, str] = {}
    for said in credential_lines(folder):
        agent = known.setdefault(said["operatorId"], {})
        agent.update({name: value for name, value in said.items() if isinstance(value, str)})
        stack = passwords[said["operatorId"]]
        if said.get("withdrawn"):
            if stack and stored[said["operatorId"]] >= said.get("withdrawsSince", ""):
                stack.pop()
        elif said["password"] and (not stack or stack[-1] != said["password"]):
            stack.append(said["password"])
            stored[said["operatorId"]] = said["at"]
        agent["password"] = stack[-1] if stack else ""
    return known


def credential_lines(folder: Path) -> Iterator[dict[str, Any]]:
    """Every line of every credentials file, from first to last; one that a kill tore in two was not written."""
    for file in sorted((folder / ".reconciler").rglob("credentials-*.jsonl")):
        for line in file.read_bytes().split(b"\n"):
            with suppress(ValueError):
                yield json.loads(line)


def assert_converged(applier: Applier) -> None:
    """What the file says is so, every password that we set is known, and no create was repeated blindly."""
    assert applier.left() == 0, applier.runs
    assert_as_wanted(applier.box)
    assert_credentials_are_true(applier)
    assert_no_blind_create(applier.box)


def assert_as_wanted(box: Box) -> None:
    """What the file says is so."""
    agents = box.store.agents()
    live = {operator_id: agent for operator_id, agent in agents.items() if operator_id < "9"}
    assert len(agents) - len(live) in (0, CROWD)
    assert sorted(live) == ["8001", "8002", "8003", "8004", "8007", "8008", *MADE]
    assert (live["8001"]["sipNumber"], live["8002"]["sipNumber"], live["8012"]["sipNumber"]) == (
        "60002",
        "60001",
        "60006",
    )
    assert (live["8003"]["name"], live["8003"]["roleName"], live["8003"]["afterInterval"]) == ("new", "客服", 9)
    assert (live["8007"]["judge"], live["8007"]["sipNumber"]) == (0, "60007")
    assert (live["8010"]["status"], live["8010"]["mainGroupName"], live["8010"]["roleName"]) == (0, "一组", "客服")


def assert_credentials_are_true(applier: Applier) -> None:
    """The latest credential of every agent that we made or gave a password is what the vendor has."""
    live, known = applier.box.store.agents(), known_credentials(applier.folder)
    for operator_id in ("8004", "8007", *MADE):
        if operator_id in live and operator_id in known:
            said = known[operator_id]
            digest = hashlib.md5(said["password"].encode()).hexdigest()
            assert live[operator_id]["password_md5"] == digest, operator_id
    for operator_id in MADE:
        if live[operator_id]["sipNumber"]:
            assert known[operator_id]["sipPassword"] == live[operator_id]["sipPassword"], operator_id


def assert_no_blind_create(box: Box) -> None:
    """Nobody is created twice, and a create is never sent again before somebody looked."""
    alive: set[str] = set()
    for written in box.store.history():
        if written.committed and written.endpoint == "create/v2":
            assert not alive & set(written.operator_ids), written
            alive |= set(written.operator_ids)
        elif written.committed and written.endpoint == "del/v2":
            alive -= set(written.operator_ids)
    unseen: set[str] = set()
    for attempt in box.store.attempts():
        answered_no = attempt.fault in ("429", "refuse") or (attempt.fault is None and not attempt.committed)
        if attempt.endpoint == "create/v2":
            assert not unseen & set(attempt.operator_ids), f"{attempt.operator_ids} were created blindly"
            unseen |= set() if answered_no else set(attempt.operator_ids)
        elif attempt.endpoint in ("one/v2", "page"):
            unseen -= set(attempt.operator_ids) if attempt.endpoint == "one/v2" else unseen
