"""The vendor's web console, for tests: sees everything stored, and changes agents behind the API's back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.sandbox.by_hand import put
from reconciler.sandbox.faults import Faults
from reconciler.sandbox.store import AgentStore, AnsweredWrite
from reconciler.sandbox.traffic import Attempt, Visit


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

    def visits(self) -> list[Visit]:
        """What strangers of the fault `stranger` have done since the last reset, in order."""
        return self._faults.traffic.visits()

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
                put(self._store, values["operatorId"], values)
            self._store.past.forget()

    def put(self, operator_id: str, **values: Any) -> None:
        """Changes the named values of an agent, or adds the agent when there is none.

        Raises:
            ValueError: a value has an unknown name, or a SIP number is unknown or taken.
        """
        with self._store.transaction():
            put(self._store, operator_id, values)

    def remove(self, operator_id: str) -> None:
        """Deletes an agent.

        Raises:
            ValueError: there is no such agent.
        """
        with self._store.transaction():
            if not self._store.in_use([operator_id]):
                raise ValueError(f"there is no agent {operator_id}")
            self._store.delete([operator_id])
