"""What each of the six endpoints does to the store, given a body that `parameters` has checked (2.1).

A handler runs inside the store's transaction and returns the answer's `data` (None where there is none). It may
raise RefusedError at any time, even after it has changed something: that rolls the transaction back.
"""

from __future__ import annotations

import random
import secrets
import string
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.sandbox.agent import BLANK, LISTED, ROLES, password_md5, picked
from reconciler.sandbox.answers import (
    AGENT_UNKNOWN,
    OPERATOR_ID_IN_USE,
    PARAMETER_ERROR,
    SIP_NUMBER_TAKEN,
    SIP_NUMBER_UNKNOWN,
    SIP_NUMBERS_EXHAUSTED,
    Data,
    RefusedError,
)
from reconciler.sandbox.pool import FIRST_NUMBER
from reconciler.sandbox.store import AgentStore

Body = dict[str, Any]

# What create/v2 and edit/v2 store as it is sent. `operatorId` is a column too, and is set separately.
AS_SENT = tuple(name for name in BLANK if name != "operatorId")
RANDOM_PASSWORD_LENGTH = 6


def create(store: AgentStore, body: Body) -> list[dict[str, Any]]:
    """Creates one agent or a batch of consecutive operatorIds (2.1.1); `data` is always a list.

    Raises:
        RefusedError: an operatorId is in use, a batch is impossible, or the SIP numbers run out.
    """
    operator_ids = new_operator_ids(store, body)
    used = store.in_use(operator_ids)
    for operator_id in operator_ids:
        if operator_id in used:
            raise RefusedError(OPERATOR_ID_IN_USE, f"坐席工号 {operator_id} 已存在")
    sipids = _new_sipids(store, body, len(operator_ids))
    passwords = [body.get("password") or _random_password() for _ in operator_ids]
    store.insert(
        {
            **picked(body, AS_SENT),
            "operatorId": operator_id,
            "sipid": sipid,
            "password_md5": password_md5(password),
            "roleName": body.get("roleName") or random.choice(ROLES[body["operatorType"]]),
        }
        for operator_id, sipid, password in zip(operator_ids, sipids, passwords, strict=True)
    )
    return [
        {"operatorId": operator_id, "operatorPassword": password, **_sip(store, sipid)}
        for operator_id, sipid, password in zip(operator_ids, sipids, passwords, strict=True)
    ]


def edit(store: AgentStore, body: Body) -> Data:
    """Changes the fields that are sent (2.1.2); `data` is one object.

    Raises:
        RefusedError: the agent or its SIP number is unknown, or the number is taken.
    """
    operator_id = body["operatorId"]
    _existing(store, operator_id)
    columns = picked(body, AS_SENT)
    if "password" in body:
        columns["password_md5"] = password_md5(body["password"])
    if "mainGroupName" in body:
        columns["maingroupid"] = store.group(body["mainGroupName"])
    store.update(operator_id, columns)
    if body.get("unbindSip") == 1:
        store.bind(operator_id, None)
    elif "sipnumber" in body:
        store.bind(operator_id, _bindable(store, operator_id, body["sipnumber"]))
    return picked(_existing(store, operator_id), ("operatorId", "sipNumber", "sipPassword", "mainGroupName"))


def delete(store: AgentStore, body: Body) -> None:
    """Deletes every agent of the list (2.1.3).

    Raises:
        RefusedError: one of them is unknown; none is deleted.
    """
    operator_ids = list(dict.fromkeys(body["operatorIds"]))
    used = store.in_use(operator_ids)
    for operator_id in operator_ids:
        if operator_id not in used:
            raise _unknown(operator_id)
    store.delete(operator_ids)


def one(store: AgentStore, body: Body) -> Data:
    """One listed row (2.1.4).

    Raises:
        RefusedError: the agent is unknown, or is in another group than the body says.
    """
    row = _existing(store, body["operatorId"])
    if (row["mainGroupName"] or "") != body.get("mainGroupName", row["mainGroupName"] or ""):
        raise _unknown(body["operatorId"])
    return picked(row, LISTED)


def page(store: AgentStore, body: Body) -> Data:
    """One page of the listing, ordered by the vendor's id (2.1.5)."""
    ids = _listing(store, body)
    size, number = body["pageSize"], body["pageNumber"]
    rows = store.rows(ids[(number - 1) * size : number * size])
    return {
        "result": [picked(row, LISTED) for row in rows],
        "pageSize": size,
        "total": len(ids),
        "pageNumber": number,
        "pageTotal": -(-len(ids) // size),
    }


def edit_password(store: AgentStore, body: Body) -> None:
    """Stores the password, which is sent as MD5 (2.1.6).

    Raises:
        RefusedError: the agent is unknown.
    """
    _existing(store, body["operatorId"])
    store.update(body["operatorId"], {"password_md5": body["password"]})


HANDLERS: Mapping[str, Callable[[AgentStore, Body], Data | None]] = {
    "create/v2": create,
    "edit/v2": edit,
    "del/v2": delete,
    "one/v2": one,
    "page": page,
    "editPwd": edit_password,
}
READS = frozenset({"one/v2", "page"})


def _existing(store: AgentStore, operator_id: str) -> dict[str, Any]:
    agent = store.find(operator_id)
    if agent is None:
        raise _unknown(operator_id)
    return agent


def _unknown(operator_id: str) -> RefusedError:
    return RefusedError(AGENT_UNKNOWN, f"坐席 {operator_id} 不存在")


def new_operator_ids(store: AgentStore, body: Body) -> list[str]:
    """Who a create is about.

    Raises:
        RefusedError: a batch is impossible.
    """
    first = body.get("operatorId") or str(store.next_operator_id())
    if body["batchFlag"] == 0:
        return [first]
    if not (first.isascii() and first.isdigit()):
        raise RefusedError(PARAMETER_ERROR, "参数错误: operatorId 批量创建时必须为数字")
    last = int(first) + body["batchSize"] - 1
    if len(str(last)) > len(first):
        raise RefusedError(PARAMETER_ERROR, f"参数错误: batchSize 超出 operatorId 的 {len(first)} 位范围")
    return [str(number).zfill(len(first)) for number in range(int(first), last + 1)]


def _new_sipids(store: AgentStore, body: Body, count: int) -> list[int] | list[None]:
    if body["sipFlag"] == 0:
        return [None] * count
    sipids = store.pool.take(count)
    if len(sipids) < count:
        raise RefusedError(SIP_NUMBERS_EXHAUSTED, "可用的sip号码不足")
    return sipids


def _sip(store: AgentStore, sipid: int | None) -> dict[str, str | None]:
    if sipid is None:
        return {"sipNumber": None, "sipPassword": None}
    return {"sipNumber": str(FIRST_NUMBER + sipid - 1), "sipPassword": store.pool.password(sipid)}


def _bindable(store: AgentStore, operator_id: str, number: str) -> int:
    sipid = store.pool.sipid(number)
    if sipid is None:
        raise RefusedError(SIP_NUMBER_UNKNOWN, f"sip号码 {number} 不存在")
    if store.holder(sipid) not in (None, operator_id):
        raise RefusedError(SIP_NUMBER_TAKEN, f"sip号码 {number} 已被其他坐席绑定")
    return sipid


def _listing(store: AgentStore, body: Body) -> list[int]:
    """The ids that match every filter in the body; a filter "" matches the agents without that value."""
    matches: list[list[int]] = []
    if "operatorId" in body:
        matches.append(store.listing("operatorId", body["operatorId"]))
    if "sipNumber" in body:
        matches.append(_with_sip_number(store, body["sipNumber"]))
    if "mainGroupName" in body:
        matches.append(_in_group(store, body["mainGroupName"]))
    if not matches:
        return store.listing()
    return sorted(set(matches[0]).intersection(*matches[1:]))


def _with_sip_number(store: AgentStore, number: str) -> list[int]:
    sipid = store.pool.sipid(number)
    return [] if number and sipid is None else store.listing("sipid", sipid)


def _in_group(store: AgentStore, name: str) -> list[int]:
    group = store.known_group(name)
    return [] if name and group is None else store.listing("maingroupid", group)


def _random_password() -> str:
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(RANDOM_PASSWORD_LENGTH))
