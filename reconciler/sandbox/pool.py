"""The company's SIP numbers: which are free, and the password of each.

There is no table of all numbers: wiping the store would then rewrite forty thousand rows. Instead a mark divides the
pool. Every number up to the mark is held by an agent or is in the table `released`; a number above it is free unless
an agent holds it.
"""

from __future__ import annotations

import hashlib
import sqlite3

FIRST_NUMBER = 60001
USUAL_SIZE = 39_999


class Pool:
    """The SIP numbers from `FIRST_NUMBER` upwards, each with a `sipid` that counts from 1.

    Every method is to be called inside a transaction of the store that owns `db`.
    """

    def __init__(self, db: sqlite3.Connection, size: int, salt: str) -> None:
        self._db = db
        self.size = size
        self._salt = salt

    def sipid(self, number: str) -> int | None:
        """The sipid of a SIP number, or None when the pool has no such number."""
        if not (number.isascii() and number.isdigit() and len(number) <= len(str(FIRST_NUMBER + self.size))):
            return None
        sipid = int(number) - FIRST_NUMBER + 1
        return sipid if 1 <= sipid <= self.size and not number.startswith("0") else None

    def password(self, sipid: int) -> str:
        """The SIP password of a number, which is the same for every holder."""
        return hashlib.sha256(f"{self._salt}:{sipid}".encode()).hexdigest()[:12]

    def take(self, count: int) -> list[int]:
        """Takes the lowest `count` free sipids, or fewer when no more are left."""
        query = "SELECT sipid FROM released ORDER BY sipid LIMIT ?"
        taken = [int(row[0]) for row in self._db.execute(query, (count,))]
        self._db.executemany("DELETE FROM released WHERE sipid = ?", [(sipid,) for sipid in taken])
        mark = self._mark()
        while len(taken) < count and mark < self.size:
            mark += 1
            if not self._is_held(mark):
                taken.append(mark)
        self._db.execute("UPDATE settings SET value = ? WHERE key = 'sip_mark'", (mark,))
        return taken

    def claim(self, sipid: int) -> None:
        """Marks one particular sipid as no longer free."""
        self._db.execute("DELETE FROM released WHERE sipid = ?", (sipid,))

    def release(self, sipid: int) -> None:
        """Gives back a sipid that its agent no longer holds."""
        if sipid <= self._mark():
            self._db.execute("INSERT INTO released (sipid) VALUES (?)", (sipid,))

    def _mark(self) -> int:
        row = self._db.execute("SELECT value FROM settings WHERE key = 'sip_mark'").fetchone()
        return int(row[0])

    def _is_held(self, sipid: int) -> bool:
        return self._db.execute("SELECT 1 FROM agents WHERE sipid = ?", (sipid,)).fetchone() is not None
