"""The vendor without HTTP: checks a call, acts on it, and answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.sandbox.answers import COMPANY_UNKNOWN, SUCCESS, SUCCESS_MESSAGE, Answer, Data, RefusedError
from reconciler.sandbox.handlers import HANDLERS, READS, Body
from reconciler.sandbox.parameters import checked
from reconciler.sandbox.quirks import quirky
from reconciler.sandbox.store import USUAL_COMPANY_ID, AgentStore

Handler = Callable[[AgentStore, Body], Data | None]


@dataclass(frozen=True, slots=True)
class VendorCompany:
    """The one company that the sandbox serves: its `abbreviate`, and its `companyId` if that is checked too."""

    abbreviate: str
    id: int | None = None

    @classmethod
    def parsed(cls, text: str) -> VendorCompany:
        """Reads `ABBREVIATE[:ID]`.

        Raises:
            ValueError: the abbreviate is empty, or the id is no number.
        """
        abbreviate, colon, number = text.partition(":")
        if not abbreviate or (colon and not (number.isascii() and number.isdigit())):
            raise ValueError(f"company {text!r} is not ABBREVIATE or ABBREVIATE:ID, with digits for ID")
        return cls(abbreviate, int(number) if colon else None)

    @property
    def row_id(self) -> int:
        """The `companyId` of this company's rows."""
        return USUAL_COMPANY_ID if self.id is None else self.id


MOST_DIGITS = 100
MOST_IN_A_BATCH = 1000


@dataclass(frozen=True, slots=True)
class VendorCall:
    """One request that got past the door: the endpoint, such as `create/v2`, and the JSON object of its body."""

    endpoint: str
    body: dict[str, Any]

    @property
    def operator_ids(self) -> list[str]:
        """The operatorIds that the body names, those of a batch too, even if the rest of the body is wrong."""
        values = self.body.get("operatorIds", [self.body.get("operatorId")])
        if self.body.get("batchFlag") == 1 and (numbers := self._numbers()):
            values = [str(number).zfill(len(self.body["operatorId"])) for number in numbers]
        return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []

    def _numbers(self) -> range | None:
        first, size = self.body.get("operatorId"), self.body.get("batchSize")
        if not (isinstance(first, str) and first.isascii() and first.isdigit() and len(first) < MOST_DIGITS):
            return None
        return range(int(first), int(first) + size) if type(size) is int and size <= MOST_IN_A_BATCH else None

    @property
    def writes(self) -> bool:
        """Whether the endpoint changes agents."""
        return self.endpoint not in READS


@dataclass(frozen=True, slots=True)
class Vendor:
    """Answers calls from one store. Without a company, calls for any company are answered."""

    store: AgentStore
    company: VendorCompany | None = None
    success_code: int = SUCCESS
    quirks: bool = False

    def check(self, call: VendorCall) -> VendorCall:
        """The call with the endpoint's defaults filled in.

        Raises:
            RefusedError: a parameter is wrong, or the company is another's.
        """
        body = checked(call.endpoint, call.body)
        if self.company is not None:
            _check_company(self.company, body)
        return VendorCall(call.endpoint, body)

    def act(self, call: VendorCall, handler: Handler | None = None) -> Answer:
        """Carries out and records a checked call in one transaction, which is committed when this returns.

        `handler` takes the place of the endpoint's own handler.

        Raises:
            RefusedError: the state of the agents forbids it; nothing has changed.
        """
        with self.store.transaction():
            data = (handler or HANDLERS[call.endpoint])(self.store, call.body)
            if call.writes:
                self.store.record(call.endpoint, _operator_ids_of(call, data), self.success_code, committed=True)
        return self._success(call, data)

    def pretend(self, call: VendorCall, handler: Handler | None = None) -> Answer:
        """What `act` would answer to a checked call; nothing is changed.

        Raises:
            RefusedError: the state of the agents forbids it.
        """
        undone = _UndoneError()
        try:
            with self.store.transaction():
                data = (handler or HANDLERS[call.endpoint])(self.store, call.body)
                raise undone
        except _UndoneError:
            self.note(call, self.success_code, data)
        return self._success(call, data)

    def refuse(self, call: VendorCall, refusal: RefusedError) -> Answer:
        """The answer to a refused call; if the call is a write, its refusal is recorded."""
        self.note(call, refusal.answer.code)
        return refusal.answer

    def note(self, call: VendorCall, code: int, data: Data | None = None) -> None:
        """Records a write that was not carried out."""
        if call.writes:
            with self.store.transaction():
                self.store.record(call.endpoint, _operator_ids_of(call, data), code, committed=False)

    def _success(self, call: VendorCall, data: Data | None) -> Answer:
        shown = _quirky_data(data) if self.quirks and not call.writes else data
        return Answer(self.success_code, SUCCESS_MESSAGE, shown)


class _UndoneError(Exception):
    """Rolls a transaction back."""


def _check_company(company: VendorCompany, body: Mapping[str, Any]) -> None:
    if body["abbreviate"] != company.abbreviate:
        raise RefusedError(COMPANY_UNKNOWN, f"企业 {body['abbreviate']} 不存在")
    if company.id is not None and body.get("companyId", company.id) != company.id:
        raise RefusedError(COMPANY_UNKNOWN, f"企业id {body['companyId']} 与企业缩写不符")


def _operator_ids_of(call: VendorCall, data: Data | None) -> list[str]:
    """The operatorIds of a write: those that it created, else those that its body names."""
    return [agent["operatorId"] for agent in data] if isinstance(data, list) else call.operator_ids


def _quirky_data(data: Data | None) -> Data | None:
    if not isinstance(data, Mapping):
        return data
    if "result" in data:
        return {**data, "result": [quirky(row) for row in data["result"]]}
    return quirky(data)
