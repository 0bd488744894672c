"""The vendor's data, in SQLite: the agents, their groups and SIP numbers, the history of writes."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from reconciler.sandbox.agent import BLANK, HIDDEN, LISTED
from reconciler.sandbox.past import Past
from reconciler.sandbox.pool import FIRST_NUMBER, USUAL_SIZE, Pool

USUAL_COMPANY_ID = 4242
FIRST_FREE_OPERATOR_ID = 8001
# The file's `user_version`, which tells a sandbox's database from another program's.
LAYOUT = 20_102
LAYOUT_WITHOUT_COMMITTED = 20_101
MOST_CACHED_LISTINGS = 50

SCHEMA = """
CREATE TABLE agents (
  id INTEGER PRIMARY KEY AUTOINCREMENT, operatorId TEXT NOT NULL UNIQUE, name TEXT,
  operatorType INTEGER NOT NULL, showcaller TEXT, priority INTEGER NOT NULL, sipid INTEGER UNIQUE,
  bindcode TEXT, ismemory INTEGER NOT NULL, isaudio INTEGER NOT NULL, isvideo INTEGER NOT NULL,
  ismessage INTEGER NOT NULL,
  isHidePhone INTEGER NOT NULL, outcallflag INTEGER NOT NULL, email TEXT, ctime INTEGER NOT NULL,
  utime INTEGER NOT NULL, ttscontent TEXT, status INTEGER NOT NULL, isrecord INTEGER NOT NULL,
  maingroupid INTEGER, judge INTEGER NOT NULL, afterInterval INTEGER NOT NULL, roleName TEXT,
  bindSkillName TEXT, bindSkillLevel INTEGER NOT NULL, password_md5 TEXT
);
CREATE INDEX agents_by_group ON agents (maingroupid);
CREATE TABLE groups (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
CREATE TABLE released (sipid INTEGER PRIMARY KEY);
CREATE TABLE history (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, endpoint TEXT NOT NULL, operatorIds TEXT NOT NULL,
  code INTEGER NOT NULL, committed INTEGER NOT NULL
);
CREATE TABLE settings (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
"""

# The code of a refused write is from 20001 to 20099; every other write was carried out.
UPGRADE = """
ALTER TABLE history ADD COLUMN committed INTEGER NOT NULL DEFAULT 0;
UPDATE history SET committed = code NOT BETWEEN 20001 AND 20099;
"""


def _expression(column: str) -> str:
    computed = {
        "companyId": "? AS companyId",
        "sipNumber": f"CAST(a.sipid + {FIRST_NUMBER - 1} AS TEXT) AS sipNumber",
        "sipPassword": "NULL AS sipPassword",  # `AgentStore._rows` fills it in: it is derived, not stored
        "mainGroupName": "g.name AS mainGroupName",
    }
    return computed.get(column, f"a.{column}")


# Only names from this package's own tuples become part of the statements below; values are always bound.
_ROWS = (
    f"SELECT {', '.join(map(_expression, (*LISTED, *HIDDEN)))}"  # noqa: S608
    " FROM agents a LEFT JOIN groups g ON g.id = a.maingroupid"
)
_INSERT = f"INSERT INTO agents ({', '.join(BLANK)}) VALUES ({', '.join(':' + name for name in BLANK)})"  # noqa: S608
_FILTERS = {
    "operatorId": "operatorId = ?",
    "sipid": "sipid IS ?",
    "maingroupid": "maingroupid IS ?",
}


class DataFileError(ValueError):
    """The file named as data cannot be opened, or is no sandbox's database."""


class AnsweredWrite(NamedTuple):
    """One write request that reached the vendor: its number in order of time, and the code that it was answered with.

    `committed`: it was carried out. With scripted faults `code` is the vendor's code, even if the answer did not
    arrive, and NO_ANSWER when a fault ended the request before the vendor answered.
    """

    seq: int
    endpoint: str
    operator_ids: list[str]
    code: int
    committed: bool


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


class AgentStore:
    """One SQLite database, in memory or in a file, shared by threads under one lock.

    Every method but `transaction` and `close` is to be called inside `transaction`.

    Raises:
        DataFileError: `path` cannot be opened, or is no sandbox's database.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        sip_numbers: int = USUAL_SIZE,
        company_id: int = USUAL_COMPANY_ID,
        seed: int = 0,
        clock: Callable[[], int] = _milliseconds,
    ) -> None:
        self.company_id = company_id
        self.now = clock
        self._lock = threading.RLock()
        self._listings: dict[tuple[str, object], list[int]] = {}
        self._listings_of = (0, 0)
        self._db = _open(path)
        self.past = Past(self._db, clock)
        with self.transaction():
            self.pool = self._own_pool(sip_numbers, seed)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commits at the end of the block, or rolls everything back when the block raises."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                self._listings.clear()  # one may contain what is now undone
                raise
            self._db.execute("COMMIT")

    def close(self) -> None:
        """Closes the database; a file stays."""
        with self._lock:
            self._db.close()

    def count(self) -> int:
        """How many agents there are."""
        return int(self._db.execute("SELECT count(*) FROM agents").fetchone()[0])

    def in_use(self, operator_ids: Iterable[str]) -> set[str]:
        """Those of the operatorIds that belong to an agent."""
        query = "SELECT 1 FROM agents WHERE operatorId = ?"
        return {operator_id for operator_id in operator_ids if self._db.execute(query, (operator_id,)).fetchone()}

    def next_operator_id(self) -> int:
        """One above the greatest operatorId of 4 to 9 digits in use."""
        row = self._db.execute(
            "SELECT max(CAST(operatorId AS INTEGER)) FROM agents"
            " WHERE operatorId NOT GLOB '*[^0-9]*' AND length(operatorId) BETWEEN 4 AND 9"
        ).fetchone()
        return max(int(row[0] or 0) + 1, FIRST_FREE_OPERATOR_ID)

    def find(self, operator_id: str) -> dict[str, Any] | None:
        """The full state of one agent: the listed row and the hidden columns."""
        return next(self._rows(" WHERE a.operatorId = ?", operator_id), None)

    def everyone(self) -> Iterator[dict[str, Any]]:
        """The full state of every agent, sorted by the vendor's id."""
        return self._rows(" ORDER BY a.id")

    def listing(self, column: str | None = None, value: object = None) -> list[int]:
        """The sorted ids of all agents, or of those with `value` in the column operatorId, sipid or maingroupid.

        They are cached until the database changes: reading 1,000 pages must not mean reading 100,000 rows 1,000 times.
        """
        state = (self._db.total_changes, int(self._db.execute("PRAGMA data_version").fetchone()[0]))
        if state != self._listings_of or len(self._listings) > MOST_CACHED_LISTINGS:
            self._listings, self._listings_of = {}, state
        key = (column or "", value)
        if key not in self._listings:
            self._listings[key] = self._read_listing(column, value)
        return self._listings[key]

    def rows(self, ids: list[int]) -> list[dict[str, Any]]:
        """The full states of the agents with these ids, sorted by id."""
        tail = " WHERE a.id IN (SELECT value FROM json_each(?)) ORDER BY a.id"
        return list(self._rows(tail, json.dumps(ids)))

    def insert(self, agents: Iterable[Mapping[str, Any]]) -> None:
        """Adds agents given as columns (see `BLANK`); a sipid among them must be free."""
        now = self.now()
        self._db.executemany(_INSERT, ({**BLANK, "ctime": now, "utime": now, **agent} for agent in agents))

    def update(self, operator_id: str, columns: Mapping[str, Any]) -> None:
        """Sets columns, named as in `BLANK`, of one agent, and its `utime`."""
        changed = {"utime": self.now(), **columns}
        assignments = ", ".join(f"{name} = ?" for name in changed)
        statement = f"UPDATE agents SET {assignments} WHERE operatorId = ?"  # noqa: S608
        self._db.execute(statement, (*changed.values(), operator_id))

    def bind(self, operator_id: str, sipid: int | None) -> None:
        """Gives one agent a sipid in place of the one that it holds; with None it only releases the held one."""
        former = self._db.execute("SELECT sipid FROM agents WHERE operatorId = ?", (operator_id,)).fetchone()[0]
        if sipid == former:
            return
        self._db.execute("UPDATE agents SET sipid = ? WHERE operatorId = ?", (sipid, operator_id))
        if former is not None:
            self.pool.release(former)
        if sipid is not None:
            self.pool.claim(sipid)

    def holder(self, sipid: int) -> str | None:
        """The operatorId of the agent that holds a sipid."""
        row = self._db.execute("SELECT operatorId FROM agents WHERE sipid = ?", (sipid,)).fetchone()
        return None if row is None else str(row[0])

    def delete(self, operator_ids: Iterable[str]) -> None:
        """Removes agents, all of which exist, and frees their SIP numbers."""
        for operator_id in operator_ids:
            self.bind(operator_id, None)
            self._db.execute("DELETE FROM agents WHERE operatorId = ?", (operator_id,))

    def known_group(self, name: str) -> int | None:
        """The id of a skill group, or None for a group that no agent was ever put in."""
        row = self._db.execute("SELECT id FROM groups WHERE name = ?", (name,)).fetchone()
        return None if row is None else int(row[0])

    def group(self, name: str | None) -> int | None:
        """The id of a skill group, which is created if need be; None without a name."""
        if not name:
            return None
        self._db.execute("INSERT OR IGNORE INTO groups (name) VALUES (?)", (name,))
        return self.known_group(name)

    def record(self, endpoint: str, operator_ids: list[str], code: int, *, committed: bool) -> None:
        """Adds one write request to the history."""
        statement = "INSERT INTO history (endpoint, operatorIds, code, committed) VALUES (?, ?, ?, ?)"
        self._db.execute(statement, (endpoint, json.dumps(operator_ids), code, committed))

    def last_write(self) -> int:
        """The number of the latest write in the history, 0 when there is none."""
        return int(self._db.execute("SELECT max(seq) FROM history").fetchone()[0] or 0)

    def history(self) -> list[AnsweredWrite]:
        """Every write request, in the order in which it was carried out, refused or ended."""
        rows = self._db.execute("SELECT seq, endpoint, operatorIds, code, committed FROM history ORDER BY seq")
        return [
            AnsweredWrite(seq, endpoint, json.loads(ids), code, bool(done)) for seq, endpoint, ids, code, done in rows
        ]

    def wipe(self) -> None:
        """Forgets every agent, group and write, and counts ids from 1 again."""
        for table in ("agents", "groups", "released", "history", "sqlite_sequence"):
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - the names stand in the line above
        self._db.execute("UPDATE settings SET value = 0 WHERE key = 'sip_mark'")

    def _read_listing(self, column: str | None, value: object) -> list[int]:
        if column is None:
            return [row[0] for row in self._db.execute("SELECT id FROM agents ORDER BY id")]
        query = f"SELECT id FROM agents WHERE {_FILTERS[column]} ORDER BY id"  # noqa: S608 - from a constant
        return [row[0] for row in self._db.execute(query, (value,))]

    def _rows(self, tail: str, *values: object) -> Iterator[dict[str, Any]]:
        for row in self._db.execute(_ROWS + tail, (self.company_id, *values)):
            state = dict(zip((*LISTED, *HIDDEN), row, strict=True))
            if state["sipid"] is not None:
                state["sipPassword"] = self.pool.password(state["sipid"])
            yield state

    def _own_pool(self, sip_numbers: int, seed: int) -> Pool:
        """The pool of this file: never smaller than before, and with the same passwords."""
        first = {"sip_mark": 0, "sip_numbers": sip_numbers, "sip_salt": f"sip-{seed}"}
        self._db.executemany("INSERT OR IGNORE INTO settings (key, value) VALUES (?, ?)", first.items())
        self._db.execute("UPDATE settings SET value = max(value, ?) WHERE key = 'sip_numbers'", (sip_numbers,))
        settings = dict(self._db.execute("SELECT key, value FROM settings"))
        return Pool(self._db, settings["sip_numbers"], settings["sip_salt"])


def _open(path: Path | None) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        layout = int(db.execute("PRAGMA user_version").fetchone()[0])
        tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise DataFileError(f"{path} cannot be opened as an SQLite database: {error}") from error
    if tables and layout == LAYOUT_WITHOUT_COMMITTED:
        db.executescript(f"BEGIN; {UPGRADE} PRAGMA user_version = {LAYOUT}; COMMIT;")
    elif tables and layout != LAYOUT:
        db.close()
        raise DataFileError(f"{path} is an SQLite database, but not a sandbox's")
    if not tables:
        db.executescript(f"PRAGMA journal_mode = WAL; BEGIN; {SCHEMA} PRAGMA user_version = {LAYOUT}; COMMIT;")
    db.execute("PRAGMA synchronous = NORMAL")
    return db
