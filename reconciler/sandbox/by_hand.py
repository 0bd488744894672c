"""Changes of agents behind the API's back, as somebody makes them in the vendor's console."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.sandbox.agent import DERIVED, SETTABLE, password_md5
from reconciler.sandbox.store import AgentStore


def put(store: AgentStore, operator_id: str, values: Mapping[str, Any]) -> None:
    """Changes the named values of an agent, or adds the agent when there is none. To be called inside a transaction.

    Raises:
        ValueError: a value has an unknown name, or a SIP number is unknown or taken.
    """
    columns = _columns(store, values)
    if store.in_use([operator_id]):
        store.update(operator_id, columns)
    else:
        store.insert([{**columns, "operatorId": operator_id}])
    if "sipNumber" in values:
        store.bind(operator_id, _sipid(store, operator_id, values["sipNumber"]))


def _columns(store: AgentStore, values: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := sorted(set(values) - SETTABLE):
        raise ValueError(f"not a value of an agent that can be set: {', '.join(unknown)}")
    columns = {name: value for name, value in values.items() if name not in DERIVED}
    if "mainGroupName" in values:
        columns["maingroupid"] = store.group(values["mainGroupName"])
    if "password" in values:
        columns["password_md5"] = password_md5(values["password"])
    return columns


def _sipid(store: AgentStore, operator_id: str, number: str | None) -> int | None:
    if not number:
        return None
    sipid = store.pool.sipid(number)
    if sipid is None:
        raise ValueError(f"there is no SIP number {number}")
    if store.holder(sipid) not in (None, operator_id):
        raise ValueError(f"SIP number {number} is taken")
    return sipid
