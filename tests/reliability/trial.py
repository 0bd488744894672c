"""One folder and one vendor on which the real command is broken, and what must hold there whatever happened."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

from reconciler.core.model.desired import Company
from reconciler.ledger.ledger import load_ledger
from reconciler.ledger.on_disk import LocalStore
from reconciler.sandbox.server import Box, running
from tests.parent import Ran, Running
from tests.process import TOKEN, Workplace
from tests.reliability.killer import Break, Killer
from tests.reliability.mixed import BATCHED, GIVEN, Applier, assert_converged, begin, credential_lines

APPLY: Final = ("apply", "--auto-approve", "--allow-replace")
WRITES: Final = {"create": "create/v2", "edit": "edit/v2", "delete": "del/v2", "password": "editPwd"}
SHOWN: Final = 20
"""Failed cases that are told of."""
PARALLELISM: Final = 4
LANES: Final = 2
"""Trials that go on at once, each with a vendor of its own."""


@dataclass(slots=True)
class Trial:
    """The mixed plan, to be applied by real processes."""

    applier: Applier
    killer: Killer
    initial: dict[str, str]

    @property
    def box(self) -> Box:
        """The vendor."""
        return self.applier.box

    @property
    def place(self) -> Workplace:
        """The folder, for processes that are started without the harness."""
        own = {"AGENT_GIVEN": GIVEN, "RECONCILER_PARALLELISM": str(PARALLELISM)}
        return Workplace(self.applier.folder, self.box.url, own)

    def start(self, *arguments: str, breaking: Break | None = None) -> Running:
        """Start an apply, or the command that the arguments name."""
        place = self.place
        return self.killer.start(place.folder, place.environment(), *(arguments or APPLY), breaking=breaking)

    def run(self, *arguments: str, breaking: Break | None = None) -> Ran:
        """An apply, or the command that the arguments name, to its end."""
        return self.killer.wait(self.start(*arguments, breaking=breaking))

    def status(self) -> Any:
        """What `status` says; it always can."""
        said = self.run("status", "--format", "json")
        assert said.code == 0, said.err
        return said.json

    def recover(self, runs: int) -> None:
        """So many more runs at most, and all is as the file says; the ledger is whole after each."""
        for _ in range(runs):
            ran = self.run()
            self.assert_books_are_whole()
            if ran.code == 0:
                break
        assert ran.code == 0, ran.out + ran.err
        assert_converged(self.applier)
        self.assert_passwords_are_known(recovered=True)

    def assert_books_are_whole(self) -> None:
        """The ledger is there whole, or not at all yet, and the tool itself can read it."""
        store = LocalStore(self.applier.books / "ledger.json")
        if (data := store.read()) is not None:
            assert json.loads(data)["serial"] >= 1
            load_ledger(store, Company("acme", 4242))

    def assert_passwords_are_known(self, *, recovered: bool = False) -> None:
        """Whatever password an agent was given stands in a credentials file on the disk.

        Before a run that was cut short is gone on with, those that the vendor chose may be known to nobody.
        """
        stored: dict[str, set[str]] = {}
        for line in credential_lines(self.applier.folder):
            if line["password"] is not None:
                digest = hashlib.md5(line["password"].encode()).hexdigest()
                stored.setdefault(line["operatorId"], set()).add(digest)
        for operator_id, agent in self.box.store.agents().items():
            digest = agent["password_md5"]
            told = digest == self.initial.get(operator_id) or digest in stored.get(operator_id, ())
            assert told or (operator_id in BATCHED and not recovered), operator_id

    def assert_status_is_true(self, *, of_all: bool = True) -> Any:
        """No write reached the vendor that `status` does not tell of, and what it calls done is done.

        `of_all`: the run was of the whole file.
        """
        said = self.status()
        told = [
            (WRITES[call["call"]], id_, call["outcome"])
            for call in said.get("calls", ())
            for id_ in call["operatorIds"]
        ]
        known = {(endpoint, id_) for endpoint, id_, _ in told}
        history = self.box.store.history()
        written = {(write.endpoint, id_) for write in history for id_ in write.operator_ids}
        made = {(write.endpoint, id_) for write in history if write.committed for id_ in write.operator_ids}
        assert written <= known, written - known
        done = {(endpoint, id_) for endpoint, id_, outcome in told if outcome == "done"}
        assert done <= made, done - made
        assert not of_all or said["run"] is None or said["run"]["ended"] != "done" or self.applier.left() == 0
        return said


@dataclass(frozen=True, slots=True)
class Lane:
    """A vendor and a parent of processes, used by one trial after another."""

    box: Box
    killer: Killer
    folder: Path
    numbers: Iterator[int]

    def trial(self, *, crowded: bool = False) -> Trial:
        """A fresh folder, and the vendor as before the first run; `crowded`: with many whom nothing happens to."""
        self.killer.clear()
        self.box.faults([])
        applier = begin(self.folder / str(next(self.numbers)), self.box, crowded=crowded)
        live = self.box.store.agents()
        return Trial(applier, self.killer, {id_: agent["password_md5"] for id_, agent in live.items()})


@contextmanager
def lanes(folder: Path) -> Iterator[list[Lane]]:
    """Some lanes, for as long as the block lasts."""
    with ExitStack() as stack:
        made = []
        for number in range(LANES):
            box = stack.enter_context(running(token=TOKEN, company="acme:4242"))
            own = folder / str(number)
            killer = stack.enter_context(Killer(own / "logs"))
            made.append(Lane(box, killer, own, itertools.count(1)))
        yield made


def assert_each(
    lanes: Iterable[Lane], cases: Iterable[Any], rule: Callable[[Trial, Any], None], *, crowded: bool = False
) -> None:
    """The rule holds in every case, each tried in a fresh trial; says of which ones it does not."""
    free: SimpleQueue[Lane] = SimpleQueue()
    for lane in lanes:
        free.put(lane)

    def tried(case: Any) -> str:
        lane = free.get()
        try:
            rule(lane.trial(crowded=crowded), case)
        except AssertionError as error:
            return f"{case}: {str(error)[:600]}"
        finally:
            free.put(lane)
        return ""

    with ThreadPoolExecutor(LANES) as threads:
        failed = [words for words in threads.map(tried, cases) if words]
    assert not failed, f"{len(failed)} failed\n" + "\n".join(failed[:SHOWN])


def points(trial: Trial, breaking: Break, *arguments: str) -> list[str]:
    """The points of an apply, or of the command that the arguments name, that nothing befalls."""
    started = trial.start(*arguments, breaking=replace(breaking, at=0))
    assert trial.killer.wait(started).code == 0
    return started.trace
