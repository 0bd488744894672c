"""What the agents were like a while ago, for the fault `stale`.

SQLite keeps a log of every change while it is asked to. To read the past, a transaction undoes what is younger, reads,
and is rolled back.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable

from reconciler.sandbox.agent import BLANK

# A sandbox that runs for weeks must not grow without limit.
MOST_CHANGES = 100_000


_OLD_ROW = f"json_array({', '.join(f'OLD.{name}' for name in BLANK)})"
# Temporary, so that nothing of it is in the file. `row_id`: the agent to take away; `before`: the one to put back.
_LOG = "INSERT INTO past (moment, arrivals, row_id, before) VALUES (past_moment(), past_arrivals()"
_BEGIN = (
    "CREATE TEMP TABLE past (seq INTEGER PRIMARY KEY, moment INTEGER, arrivals INTEGER, row_id INTEGER, before TEXT)",
    f"CREATE TEMP TRIGGER past_insert AFTER INSERT ON agents BEGIN {_LOG}, NEW.id, NULL); END",
    f"CREATE TEMP TRIGGER past_update AFTER UPDATE ON agents BEGIN {_LOG}, NEW.id, {_OLD_ROW}); END",
    f"CREATE TEMP TRIGGER past_delete AFTER DELETE ON agents BEGIN {_LOG}, NULL, {_OLD_ROW}); END",
)
_PUT_BACK = f"INSERT INTO agents ({', '.join(BLANK)}) VALUES ({', '.join('?' * len(BLANK))})"  # noqa: S608


class Past:
    """The changes of one database since `begin`. `arrivals` counts requests; `clock` is in milliseconds.

    Every method is to be called inside a transaction of the store that owns `db`.
    """

    def __init__(self, db: sqlite3.Connection, clock: Callable[[], int]) -> None:
        self.arrivals = 0
        self._db = db
        self._clock = clock
        self.begun = False

    def begin(self) -> None:
        """Keeps a log from now on; a second call does nothing."""
        if self.begun:
            return
        self._db.create_function("past_moment", 0, lambda: self._clock())
        self._db.create_function("past_arrivals", 0, lambda: self.arrivals)
        for statement in _BEGIN:
            self._db.execute(statement)
        self.begun = True

    def end(self) -> None:
        """Keeps no log any more."""
        if self.begun:
            for name in ("TRIGGER past_insert", "TRIGGER past_update", "TRIGGER past_delete", "TABLE past"):
                self._db.execute(f"DROP {name}")
            self.begun = False

    def forget(self) -> None:
        """Drops the log so far: nothing older than now can be seen again."""
        if self.begun:
            self._db.execute("DELETE FROM past")

    def trim(self) -> None:
        """Drops the oldest changes when there are too many."""
        self._db.execute("DELETE FROM past WHERE seq <= (SELECT max(seq) FROM past) - ?", (MOST_CHANGES,))

    def rewind(self, *, seconds: float = 0, arrival: int | None = None) -> None:
        """Makes the agents what they were so many seconds ago, or before the request of that number arrived."""
        if arrival is None:
            younger, bound = "moment > ?", self._clock() - seconds * 1000
        else:
            younger, bound = "arrivals >= ?", arrival
        query = f"SELECT row_id, before FROM past WHERE {younger} ORDER BY seq DESC"  # noqa: S608 - see above
        for row_id, before in self._db.execute(query, (bound,)).fetchall():
            if row_id is not None:
                self._db.execute("DELETE FROM agents WHERE id = ?", (row_id,))
            if before is not None:
                self._db.execute(_PUT_BACK, json.loads(before))
