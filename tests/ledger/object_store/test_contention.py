"""Several at once: real processes, and long random runs with faults."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

pytest.importorskip("obstore", reason="the extra `remote` is not installed")

from reconciler.errors import LedgerConflict, LockHeld, ReconcilerError
from reconciler.ledger.remote import RemoteStore
from tests.ledger.object_store.proxy import FAULTS, Exchange, Fault, Proxy
from tests.ledger.object_store.s3 import Server
from tests.ledger.object_store.session import lock_note, open_store

ROOT = Path(__file__).parents[3]


class Contender:
    """A process that wants the lock; see `contender.py`."""

    def __init__(self, url: str) -> None:
        command = [sys.executable, "-m", "tests.ledger.object_store.contender", url]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def go(self) -> None:
        """Try now, or let go."""
        assert self.process.stdin
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        """What it says next."""
        assert self.process.stdout
        return self.process.stdout.readline().strip()


@pytest.fixture
def crowd(line: Proxy, url: str) -> Iterator[list[Contender]]:
    """Four processes that are ready to go."""
    with ExitStack() as stack:
        contenders = []
        for _ in range(4):
            contender = Contender(url)
            stack.enter_context(contender.process)
            stack.callback(contender.process.kill)
            contenders.append(contender)
        assert [contender.hear() for contender in contenders] == ["ready"] * 4
        yield contenders


def lost_answers(exchange: Exchange) -> Fault | None:
    """Every second write of the lock arrives and is never answered."""
    return FAULTS["answer lost"] if exchange.call == "PUT lock" and exchange.number % 2 else None


@pytest.mark.exhaustive(2)
@pytest.mark.parametrize("rule", [None, lost_answers], ids=["good-line", "lost-answers"])
def test_one_of_several_processes_gets_the_lock(
    line: Proxy, server: Server, key: str, crowd: list[Contender], rule: object
) -> None:
    """Round after round exactly one process holds the lock, it knows so, and the others know who it is."""
    line.rule = lost_answers if rule else None
    for _ in range(6):
        for contender in crowd:
            contender.go()
        heard = {contender: contender.hear() for contender in crowd}
        holder = lock_note(server, key)["id"]
        winners = [contender for contender in crowd if heard[contender].startswith("held")]
        assert sorted(heard.values()) == [f"held {holder}", *[f"refused {holder}"] * 3]
        winners[0].go()
        assert winners[0].hear() == "free"


def test_the_lock_of_a_killed_process_goes_by_its_id(
    line: Proxy, server: Server, url: str, key: str, crowd: list[Contender]
) -> None:
    """A lock outlives its process, keeps others out, and is removed by its id and nothing else."""
    dead, heir = crowd[:2]
    dead.go()
    lock_id = dead.hear().removeprefix("held ")
    dead.process.kill()
    dead.process.wait()
    heir.go()
    assert heir.hear() == f"refused {lock_id}"
    open_store(url).unlock(lock_id)
    heir.go()
    assert heir.hear().startswith("held")


@dataclass(slots=True)
class Actor:
    """One apply in a random run."""

    name: str
    store: RemoteStore
    lock: AbstractContextManager[None] | None = None
    written: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class RunRecord:
    """A random run of some applies on a bad line, and what must hold at every step."""

    line: Proxy
    server: Server
    key: str
    actors: list[Actor]
    dice: random.Random
    serial: int = 0
    possible: set[bytes | None] = field(default_factory=lambda: {None})

    def step(self) -> None:
        """One actor does the next thing that makes sense for it; now and then what was late arrives."""
        if self.dice.random() < 0.1:
            self.line.deliver()
        actor = self.dice.choice(self.actors)
        if actor.lock is None:
            self._enter(actor)
        elif self.dice.random() < 0.6:
            self._write(actor)
        else:
            self._leave(actor)

    def assert_right(self) -> None:
        """Nobody holds the lock beside another, and the ledger is one that may be there."""
        assert sum(actor.lock is not None for actor in self.actors) <= 1, "two holders"
        assert self.server.get(self.key) in self.possible

    def _enter(self, actor: Actor) -> None:
        lock = actor.store.lock()
        try:
            lock.__enter__()
        except LockHeld:
            assert lock_note(self.server, self.key) is not None
        except ReconcilerError:
            self._clean_up()
        else:
            actor.lock = lock
            try:
                actor.store.read()
            except ReconcilerError:
                self._leave(actor)

    def _write(self, actor: Actor) -> None:
        self.serial += 1
        data = f"{actor.name} {self.serial}".encode()
        before = self.possible
        self.possible = before | {data}
        try:
            actor.store.write(data)
        except LedgerConflict:
            assert len(before) > 1, "only a write that was given up may arrive late"
            self.possible = before
            self._leave(actor)
        except ReconcilerError:
            self._leave(actor)
        else:
            self.possible = {data}

    def _leave(self, actor: Actor) -> None:
        assert actor.lock is not None
        try:
            actor.lock.__exit__(None, None, None)
        except ReconcilerError:
            self._clean_up()
        actor.lock = None

    def _clean_up(self) -> None:
        """What a person does after an error: look that nobody is at work, and remove what is left."""
        rule, self.line.rule = self.line.rule, None
        if all(actor.lock is None for actor in self.actors):
            with suppress(ReconcilerError):
                holder = self.actors[0].store.holder()
                self.actors[0].store.unlock(holder.id if holder else "")
        self.line.rule = rule


@pytest.mark.exhaustive(5)
@pytest.mark.parametrize("seed", range(20))
def test_never_two_holders_and_never_a_lost_ledger(line: Proxy, server: Server, url: str, key: str, seed: int) -> None:
    """Random steps, every third request failing in some way: one holder at most; what was acknowledged stays."""
    dice = random.Random(seed)
    actors = [Actor(name, open_store(url)) for name in "abc"]
    for actor in actors:
        with actor.store.lock():
            pass
    faults = list(FAULTS.values())

    def rule(_: Exchange) -> Fault | None:
        return dice.choice(faults) if dice.random() < 0.33 else None

    line.rule = rule
    run = RunRecord(line, server, key, actors, dice)
    for _ in range(20):
        run.step()
        run.assert_right()
