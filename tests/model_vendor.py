"""The vendor as a pure model: rows in memory, and the rules of its endpoints as its reference states them (2.1).

The names and rules below are typed from the reference and not taken from the field table, so that a wrong row in the
table makes a test fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, Final

from reconciler.core import wire
from reconciler.core.model.desired import Company
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.outcome import Intent
from reconciler.core.model.plan import Call
from reconciler.core.recovery import entry_after

Row = dict[str, Any]

_NEW: Final[Row] = {
    "name": "",
    "operatorType": 0,
    "status": 1,
    "mainGroupName": "",
    "showcaller": "",
    "bindcode": "",
    "sipNumber": None,
    "afterInterval": 0,
    "isHidePhone": 0,
    "isrecord": 1,
    "outcallflag": 0,
    "ttscontent": "",
    "email": "",
    "isaudio": 1,
    "ismessage": 1,
    "isvideo": 0,
    "judge": 1,
    "roleName": "picked at random",
    "bindSkillName": "",
    "bindSkillLevel": 0,
}
_HIDDEN: Final = ("roleName", "bindSkillName", "bindSkillLevel", "password")
_BOTH: Final = frozenset(
    {
        *("name", "operatorType", "showcaller", "bindcode", "afterInterval"),
        *("isHidePhone", "isrecord", "outcallflag", "ttscontent", "roleName"),
    }
)
_EDITABLE: Final = _BOTH | {"status", "mainGroupName"}
_CREATABLE: Final = _BOTH | {
    *("email", "isaudio", "ismessage", "isvideo", "judge"),
    *("bindSkillName", "bindSkillLevel", "password"),
}
_FLAGS: Final = ("isHidePhone", "isrecord", "isaudio", "ismessage", "isvideo", "judge", "status", "operatorType")


class Refused(Exception):
    """The vendor refuses: it answers with a code other than success."""


class ModelVendor:
    """All agents of one company, and its SIP numbers."""

    def __init__(self, rows: Iterable[Row], numbers: Sequence[str], hidden: Mapping[str, Row] | None = None) -> None:
        self.rows = {row["operatorId"]: {**_NEW, **row, **(hidden or {}).get(row["operatorId"], {})} for row in rows}
        self.numbers: set[str] = {*numbers, *(row["sipNumber"] for row in self.rows.values() if row["sipNumber"])}

    def listing(self) -> list[Row]:
        """Return the rows that the listing shows (2.1.5)."""
        return [{key: value for key, value in row.items() if key not in _HIDDEN} for row in self.rows.values()]

    def send(self, call: Call, company: Company) -> None:
        """Carry out one call by the body that it would send over the wire.

        Raises:
            Refused: the call is an error by the reference.
        """
        operator_id = call.operator_ids[0]
        match call.kind:
            case "create":
                password = None if call.vendor_password else "first-password"
                self.create(wire.create_body(company, call.operator_ids, call.fields, password))
            case "edit":
                self.edit(wire.edit_body(company, operator_id, call.fields))
            case "delete":
                self.delete(wire.delete_body(company, call.operator_ids))
            case "password":
                self.edit_password(wire.password_body(company, operator_id, "next-password"))

    def create(self, body: Row) -> None:
        """Create one agent, or `batchSize` agents numbered upwards in the width of the first; all or none (2.1.1).

        Raises:
            Refused: a parameter is wrong, or an operatorId is in use.
        """
        values = self._checked(body, _CREATABLE | {"sipFlag", "batchFlag", "batchSize"}, least_interval=0)
        first, size = body["operatorId"], values.pop("batchSize", 1) if values.pop("batchFlag", 0) else 1
        if not 1 <= size <= 1000:
            raise Refused("batchSize is out of range")
        ids = [str(int(first) + step).zfill(len(first)) for step in range(size)] if size > 1 else [first]
        if self.rows.keys() & set(ids) or len(ids[-1]) > len(first):
            raise Refused("an operatorId is in use, or a number would need one digit more")
        chooses = values.pop("sipFlag", 1) == 1
        for id_ in ids:
            number = self._lowest_free() if chooses else None
            self.rows[id_] = {**_NEW, "operatorId": id_, **values, "sipNumber": number}

    def edit(self, body: Row) -> None:
        """Edit one agent (2.1.2).

        Raises:
            Refused: a parameter is wrong, there is no such agent or SIP number, or another agent holds the number.
        """
        values = self._checked(body, _EDITABLE | {"sipnumber", "unbindSip"}, least_interval=1)
        row = self._found(body["operatorId"])
        number = values.pop("sipnumber", row["sipNumber"])
        if values.pop("unbindSip", 0) == 1:
            number = None
        if number is not None and number not in self.numbers:
            raise Refused("there is no such SIP number")
        if number is not None and self._holder(number) not in (None, body["operatorId"]):
            raise Refused("the SIP number is held by another agent")
        row.update(values, sipNumber=number)

    def delete(self, body: Row) -> None:
        """Delete all the agents or, when one is unknown, none (2.1.3).

        Raises:
            Refused: one is unknown.
        """
        for operator_id in body["operatorIds"]:
            self._found(operator_id)
        for operator_id in body["operatorIds"]:
            del self.rows[operator_id]

    def edit_password(self, body: Row) -> None:
        """Set the password of one agent, given as its lower-case MD5 in hexadecimal (2.1.6).

        Raises:
            Refused: it is something else, or there is no such agent.
        """
        digest = body["password"]
        if len(digest) != 32 or not set(digest) <= set("0123456789abcdef"):
            raise Refused("the password is not the lower-case MD5")
        self._found(body["operatorId"])["password"] = digest

    def _checked(self, body: Row, known: frozenset[str], least_interval: int) -> Row:
        values = {key: value for key, value in body.items() if key not in ("abbreviate", "companyId", "operatorId")}
        if wrong := sorted(values.keys() - known):
            raise Refused(f"unknown here: {wrong}")
        for name, value in values.items():
            if type(value) not in (int, str):
                raise Refused(f"{name} is neither a text nor an integer")
            if name in _FLAGS and value not in (0, 1):
                raise Refused(f"{name} is neither 0 nor 1")
        if values.get("afterInterval", least_interval) < least_interval:
            raise Refused("afterInterval is too small")
        if values.get("outcallflag", 0) not in (0, 1, 2, 3):
            raise Refused("outcallflag is none of 0, 1, 2 and 3")
        return values

    def _found(self, operator_id: str) -> Row:
        if operator_id not in self.rows:
            raise Refused("there is no such agent")
        return self.rows[operator_id]

    def _holder(self, number: str) -> str | None:
        return next((id_ for id_, row in self.rows.items() if row["sipNumber"] == number), None)

    def _lowest_free(self) -> str:
        return min(number for number in self.numbers if self._holder(number) is None)


def record(entries: Mapping[str, LedgerEntry], call: Call) -> dict[str, LedgerEntry]:
    """Return what the ledger remembers after a call that succeeded."""
    kept = {id_: entry for id_, entry in entries.items() if id_ not in call.operator_ids}
    for id_ in call.operator_ids:
        if entry := entry_after(entries.get(id_), Intent.of(call)):
            kept[id_] = entry
    return kept


def admissible(calls: Sequence[Call], random: Random) -> Iterator[Call]:
    """Yield the calls in a random one of the orders that `requires_success_of` and its like allow.

    Raises:
        AssertionError: no call may go next, so the calls wait for each other.
    """
    waiting = dict(enumerate(calls))
    while waiting:
        moving = any(call.moves_sip for call in waiting.values())
        ready = [
            index
            for index, call in waiting.items()
            if not (waiting.keys() & {*call.requires_success_of, *call.waits_for})
            and not (call.takes_any_sip and moving)
        ]
        assert ready, f"none of these may go next: {sorted(waiting)}"
        yield waiting.pop(random.choice(ready))
