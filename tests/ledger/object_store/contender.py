"""A process that wants the lock: `python -m tests.ledger.object_store.contender URL`.

Prints `ready`, and at each line on stdin tries once: `held ID` (and keeps it until the next line, then prints `free`)
or `refused ID`, the id being the holder's.
"""

from __future__ import annotations

import sys

from reconciler.errors import LockHeld
from reconciler.ledger.object_store import RemoteStore


def say(word: str) -> None:
    """One line for the test."""
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def main(url: str) -> None:
    """Contend until stdin ends."""
    store = RemoteStore(url)
    with RemoteStore(f"{url}.rehearsal-{id(store)}").lock():  # loads all that is loaded late
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
