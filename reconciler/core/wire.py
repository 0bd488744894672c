"""The vendor's JSON: decodes listed rows, builds request bodies. The wire names come from the field table alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from reconciler.core.model.desired import Company
from reconciler.core.model.endpoints import PAGE_SIZE
from reconciler.core.model.fields import BY_NAME, CANON, COMPARED, KEY, LISTED, Kind, Value, canon, encode
from reconciler.core.model.live import LiveAgent

Body = dict[str, Any]

_KEY = BY_NAME[KEY]
_ROW = tuple((row.name, row.wire.listed, CANON[row.name]) for row in LISTED)


def live_agent(row: object) -> LiveAgent:
    """Decode one listed row (2.1.4, 2.1.5) into canonical values.

    Drops `sipPassword` and every key that the field table does not know.

    Raises:
        ValueError: `row` is not an object, or has no operatorId.
    """
    if not isinstance(row, dict):
        raise ValueError("a listed row is not an object")
    operator_id = canon(_KEY, row.get(_KEY.wire.listed))
    if not operator_id:
        raise ValueError("a listed row has no operatorId")
    fields = {name: canonical(row.get(listed)) for name, listed, canonical in _ROW}
    return LiveAgent(str(operator_id), fields, _number(row.get("id")), _number(row.get("ctime")), _company(row))


def _number(value: object) -> int | None:
    """A number of the vendor's own; it says nothing where it is none, or in a form that the reference does not give."""
    return value if type(value) is int else None


def _company(row: dict[str, Any]) -> str:
    """The `companyId` of a row, as text: a number, or one in a string; empty where it tells none."""
    value = row.get("companyId")
    return str(value) if type(value) in (int, str) else ""


def company_body(company: Company) -> Body:
    """The keys that name the company; every request except `page` carries them."""
    body: Body = {"abbreviate": company.abbreviate}
    if company.company_id is not None:
        body["companyId"] = company.company_id
    return body


def page_body(company: Company, number: int) -> Body:
    """2.1.5: the body that asks for page `number`, counted from 1. The endpoint takes no `companyId`."""
    return {"abbreviate": company.abbreviate, "pageNumber": number, "pageSize": PAGE_SIZE}


def search_body(company: Company, value: str, name: str = "operatorId") -> Body:
    """2.1.5, filtered: the body that asks for the first page of the agents with this value."""
    return {**page_body(company, 1), name: value}


def one_body(company: Company, operator_id: str) -> Body:
    """2.1.4: the body that asks for one agent."""
    return {**company_body(company), "operatorId": operator_id}


def create_body(
    company: Company, operator_ids: tuple[str, ...], fields: Mapping[str, Value], password: str | None
) -> Body:
    """2.1.1: the body that creates one agent or a batch, with the fields that create accepts.

    The ids of a batch are consecutive; the vendor counts upwards from the first. If `fields` manages the SIP number,
    the body asks the vendor to assign none. If `password` is `None`, the vendor chooses a password for each agent.
    """
    body = {**company_body(company), "operatorId": operator_ids[0]}
    if len(operator_ids) > 1:
        body |= {"batchFlag": 1, "batchSize": len(operator_ids)}
    for row in COMPARED:
        if row.wire.create and row.name in fields:
            body[row.wire.create] = encode(row, fields[row.name])
    if "sipNumber" in fields:
        body["sipFlag"] = 0
    return body if password is None else {**body, "password": password}


def edit_body(company: Company, operator_id: str, fields: Mapping[str, Value]) -> Body:
    """2.1.2: the body that edits exactly these fields; a SIP number of `None` becomes `unbindSip`."""
    body = {**company_body(company), "operatorId": operator_id}
    for row in COMPARED:
        if row.wire.edit and row.name in fields:
            value = fields[row.name]
            if row.kind is Kind.SIP_NUMBER and value is None:
                body["unbindSip"] = 1
            else:
                body[row.wire.edit] = encode(row, value)
    return body


def delete_body(company: Company, operator_ids: tuple[str, ...]) -> Body:
    """2.1.3: the body that deletes these agents."""
    return {**company_body(company), "operatorIds": list(operator_ids)}


def password_body(company: Company, operator_id: str, password: str) -> Body:
    """2.1.6: the body that sets a password, as the lower-case MD5 hex that the vendor demands."""
    digest = hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()
    return {**company_body(company), "operatorId": operator_id, "password": digest}
