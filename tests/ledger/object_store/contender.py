"""A process that wants the lock: `python -m tests.ledger.object_store.contender URL`.

Prints `ready`, and at each line on stdin tries once: `held ID` (and keeps it until the next line, then prints `free`)
or `refused ID`, the id being the holder's.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from reconciler.errors import LockHeld
from reconciler.ledger.ledger import LedgerStore
from reconciler.ledger.place import BooksPlace


def say(word: str) -> None:
    """One line for the test."""
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def _store(url: str) -> LedgerStore:
    return BooksPlace(Path(), url).store()


def main(url: str) -> None:
    """Contend until stdin ends."""
    store = _store(url)
    with _store(f"{url}.rehearsal-{os.getpid()}").lock():  # loads all that is loaded late
        say("ready")
    while sys.stdin.readline():
        try:
            with store.lock():
                holder = store.holder()
                say(f"held {holder.id if holder else None}")
                sys.stdin.readline()
            say("free")
        except LockHeld as held:
            say(f"refused {held.info.id if held.info else None}")


if __name__ == "__main__":
    main(sys.argv[1])
