"""The vendor's web console, for tests: sees everything stored, and changes agents behind the API's back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.sandbox.agent import BLANK, password_md5
from reconciler.sandbox.faults import Faults
from reconciler.sandbox.store import AgentStore, AnsweredWrite
from reconciler.sandbox.traffic import Attempt

# The wire names that are no column of their own.
DERIVED = frozenset({"mainGroupName", "sipNumber", "password"})
SETTABLE = (frozenset(BLANK) | DERIVED) - {"sipid", "maingroupid"}


class Console:
    """Thread-safe access to the state behind a running sandbox. Values go by their wire names.

    Beside the fields of a listed row there are `roleName`, `bindSkillName`, `bindSkillLevel`, `password`
    (plain, kept as MD5) and `password_md5`. A group is set by `mainGroupName`, a SIP number by `sipNumber`,
    and either is taken away by None or "".
    """

    def __init__(self, store: AgentStore, faults: Faults | None = None) -> None:
        self._store = store
        self._faults = Faults() if faults is None else faults

    def agents(self) -> dict[str, dict[str, Any]]:
        """The full stored state by operatorId, ordered by the vendor's id."""
        with self._store.transaction():
            return {agent["operatorId"]: agent for agent in self._store.everyone()}

    def history(self) -> list[AnsweredWrite]:
        """Every write request that got past the door since the last reset, in order."""
        with self._store.transaction():
            return self._store.history()

    def attempts(self) -> list[Attempt]:
        """Every request that reached the server since the last reset, reads too, in the order of arrival.

        Also what the door refused: its `endpoint` is then whatever path was asked for, and it names no agents.
        A write that a fault commits late is `committed` from then on.
        """
        return self._faults.traffic.attempts()

    def reset(self, agents: Iterable[Mapping[str, Any]] = ()) -> None:
        """Forgets everything, history and attempts too, and adds these agents; each needs an `operatorId`.

        What a fault still holds back is given up. The rules of the faults stay, and so do their counters.

        Raises:
            ValueError: a name is none of an agent's, or a SIP number is unknown or taken.
        """
        self._faults.forget()
        with self._store.transaction():
            self._store.wipe()
            for wire in agents:
                self._put(wire["operatorId"], wire)

    def put(self, operator_id: str, **wire: Any) -> None:
        """Changes the named values of an agent, or adds the agent when there is none.

        Raises:
            ValueError: a name is none of an agent's, or a SIP number is unknown or taken.
        """
        with self._store.transaction():
            self._put(operator_id, wire)

    def remove(self, operator_id: str) -> None:
        """Deletes an agent.

        Raises:
            ValueError: there is none.
        """
        with self._store.transaction():
            if not self._store.in_use([operator_id]):
                raise ValueError(f"there is no agent {operator_id}")
            self._store.delete([operator_id])

    def _put(self, operator_id: str, wire: Mapping[str, Any]) -> None:
        columns = self._columns(wire)
        if self._store.in_use([operator_id]):
            self._store.update(operator_id, columns)
        else:
            self._store.insert([{**columns, "operatorId": operator_id}])
        if "sipNumber" in wire:
            self._store.bind(operator_id, self._sipid(operator_id, wire["sipNumber"]))

    def _columns(self, wire: Mapping[str, Any]) -> dict[str, Any]:
        if unknown := sorted(set(wire) - SETTABLE):
            raise ValueError(f"not a value of an agent that can be set: {', '.join(unknown)}")
        columns = {name: value for name, value in wire.items() if name not in DERIVED}
        if "mainGroupName" in wire:
            columns["maingroupid"] = self._store.group(wire["mainGroupName"])
        if "password" in wire:
            columns["password_md5"] = password_md5(wire["password"])
        return columns

    def _sipid(self, operator_id: str, number: str | None) -> int | None:
        if not number:
            return None
        sipid = self._store.pool.sipid(number)
        if sipid is None:
            raise ValueError(f"there is no SIP number {number}")
        if self._store.holder(sipid) not in (None, operator_id):
            raise ValueError(f"SIP number {number} is taken")
        return sipid
