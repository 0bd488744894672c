"""The vendor's web console, for tests: sees everything stored, and changes agents behind the API's back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.sandbox.agent import BLANK, password_md5
from reconciler.sandbox.faults import Faults
from reconciler.sandbox.store import AgentStore, AnsweredWrite
from reconciler.sandbox.traffic import Attempt

# The wire names that are not stored in a column of the same name.
DERIVED = frozenset({"mainGroupName", "sipNumber", "password"})
SETTABLE = (frozenset(BLANK) | DERIVED) - {"sipid", "maingroupid"}


class Console:
    """Thread-safe access to the state behind a running sandbox. Values have their wire names.

    Besides the fields of a listed row there are `roleName`, `bindSkillName`, `bindSkillLevel`, `password`
    (plain, stored as MD5) and `password_md5`. `mainGroupName` sets the group and `sipNumber` the SIP number;
    None or "" removes either.
    """

    def __init__(self, store: AgentStore, faults: Faults | None = None) -> None:
        self._store = store
        self._faults = Faults() if faults is None else faults

    def agents(self) -> dict[str, dict[str, Any]]:
        """Every agent's full stored state by operatorId, ordered by the vendor's id."""
        with self._store.transaction():
            return {agent["operatorId"]: agent for agent in self._store.everyone()}

    def history(self) -> list[AnsweredWrite]:
        """Every write request that got past the door since the last reset, in order."""
        with self._store.transaction():
            return self._store.history()

    def attempts(self) -> list[Attempt]:
        """Every request that reached the server since the last reset, reads too, in the order of arrival.

        This includes requests that the door refused: their `endpoint` is the requested path, and they name no
        agents. A write that a fault commits late becomes `committed` then.
        """
        return self._faults.traffic.attempts()

    def reset(self, agents: Iterable[Mapping[str, Any]] = ()) -> None:
        """Forgets everything, history and attempts too, and adds these agents; each needs an `operatorId`.

        Requests that a fault still holds back are given up. The rules of the faults stay, and so do their counters.

        Raises:
            ValueError: a value has an unknown name, or a SIP number is unknown or taken.
        """
        self._faults.forget()
        with self._store.transaction():
            self._store.wipe()
            for values in agents:
                self._put(values["operatorId"], values)

    def put(self, operator_id: str, **values: Any) -> None:
        """Changes the named values of an agent, or adds the agent when there is none.

        Raises:
            ValueError: a value has an unknown name, or a SIP number is unknown or taken.
        """
        with self._store.transaction():
            self._put(operator_id, values)

    def remove(self, operator_id: str) -> None:
        """Deletes an agent.

        Raises:
            ValueError: there is no such agent.
        """
        with self._store.transaction():
            if not self._store.in_use([operator_id]):
                raise ValueError(f"there is no agent {operator_id}")
            self._store.delete([operator_id])

    def _put(self, operator_id: str, values: Mapping[str, Any]) -> None:
        columns = self._columns(values)
        if self._store.in_use([operator_id]):
            self._store.update(operator_id, columns)
        else:
            self._store.insert([{**columns, "operatorId": operator_id}])
        if "sipNumber" in values:
            self._store.bind(operator_id, self._sipid(operator_id, values["sipNumber"]))

    def _columns(self, values: Mapping[str, Any]) -> dict[str, Any]:
        if unknown := sorted(set(values) - SETTABLE):
            raise ValueError(f"not a value of an agent that can be set: {', '.join(unknown)}")
        columns = {name: value for name, value in values.items() if name not in DERIVED}
        if "mainGroupName" in values:
            columns["maingroupid"] = self._store.group(values["mainGroupName"])
        if "password" in values:
            columns["password_md5"] = password_md5(values["password"])
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
