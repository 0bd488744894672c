"""What the vendor answers: the codes, the envelope, and the exception that carries a refusal.

The reference names the keys `code` and `msg`, but none of their values: the numbers are the sandbox's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SUCCESS = 200
SUCCESS_MESSAGE = "成功"

PARAMETER_ERROR = 20001
AGENT_UNKNOWN = 20004
OPERATOR_ID_IN_USE = 20005
SIP_NUMBER_TAKEN = 20006
SIP_NUMBER_UNKNOWN = 20007
SIP_NUMBERS_EXHAUSTED = 20008
COMPANY_UNKNOWN = 20009

# A refusal before any endpoint is reached has its HTTP status as its code.
NOT_JSON = 400
TOKEN_INVALID = 401
PATH_UNKNOWN = 404
METHOD_NOT_ALLOWED = 405
BODY_TOO_LARGE = 413
NOT_DECLARED_JSON = 415
TOO_MANY_REQUESTS = 429

# The code in the history of a request that a fault ended before it was answered.
NO_ANSWER = -1

Data = Mapping[str, Any] | list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: the envelope's `code`, `msg` and `data`, and the HTTP status."""

    code: int
    msg: str
    data: Data | None = None
    http: int = 200

    def envelope(self) -> dict[str, Any]:
        """The JSON object to send; `data` is left out when there is none."""
        bare: dict[str, Any] = {"code": self.code, "msg": self.msg}
        return bare if self.data is None else {**bare, "data": self.data}


class RefusedError(Exception):
    """The vendor refuses the request with `answer`."""

    def __init__(self, code: int, msg: str, http: int = 200) -> None:
        super().__init__(msg)
        self.answer = Answer(code, msg, http=http)


def turned_away(status: int, msg: str) -> RefusedError:
    """A refusal before any endpoint is reached, whose code is its HTTP status."""
    return RefusedError(status, msg, http=status)
