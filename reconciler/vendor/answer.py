"""What an HTTP answer means: one of four outcomes, decided here and nowhere else. Sends nothing.

| outcome | the request |
|---|---|
| `Ok` | was carried out |
| `Refused` | was not carried out, and the vendor says why |
| `NotSent` | never reached the vendor, or was turned away unread |
| `Lost` | left, and may or may not have been carried out |

An HTTP status alone never means success. The envelope `{code, msg, data?}`, which every endpoint answers with
(2.1.1 to 2.1.6), decides.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any, Final

from reconciler.core.model.message import NOTHING, Text, text, verbatim
from reconciler.vendor.spellings import without_secrets

MAX_MESSAGE: Final = 500
"""Characters of the vendor's message that an outcome keeps."""
LONGEST_PAUSE: Final = 60.0
"""Seconds that a `Retry-After` header can ask for at most."""


@dataclass(frozen=True, slots=True)
class Ok:
    """The vendor carried the request out. `data` is the envelope's, in the shape that `core.model.endpoints` names."""

    data: Any = None

    @property
    def words(self) -> Text:
        """Nothing: there is nothing to tell."""
        return NOTHING


@dataclass(frozen=True, slots=True)
class Refused:
    """The vendor refused the request. `message` is the vendor's own text; it is hostile until it is made visible.

    `authentication`: the token was refused. `data` is what came with the refusal: for a batch that was refused in
    part, the agents that were made.
    """

    code: int
    message: Text
    authentication: bool = False
    data: Any = None

    @property
    def server_error(self) -> bool:
        """Whether the code is that of a server error, which may come after the work was done."""
        return 500 <= self.code < 600

    @property
    def words(self) -> Text:
        """The outcome in words."""
        return text("the vendor refused: {message} (code {code})", message=self.message, code=self.code)

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True, slots=True)
class NotSent:
    """Nothing reached the vendor, or the vendor turned the request away unread (`turned_away`, HTTP 429).

    `retry_after` is in seconds. `interrupted`: the run was stopped first, which says nothing about the vendor. `hint`
    says what a person has to mend first, where trying again changes nothing.
    """

    reason: Text
    retry_after: float | None = None
    turned_away: bool = False
    interrupted: bool = False
    hint: Text = NOTHING

    @property
    def words(self) -> Text:
        """The outcome in words."""
        return text("not sent: {reason}", reason=self.reason)

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True, slots=True)
class Lost:
    """The request left, and no answer came back that can be understood: it may have been carried out.

    `retry_after` is in seconds.
    """

    reason: Text
    retry_after: float | None = None

    @property
    def words(self) -> Text:
        """The outcome in words."""
        return text("outcome unknown: {reason}", reason=self.reason)

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True, slots=True)
class Stranger(Refused):
    """The agent that a create was about is there, and somebody else made it: it is left as it is."""

    @property
    def words(self) -> Text:
        """The outcome in words, which are our own."""
        return self.message


@dataclass(frozen=True, slots=True)
class Undecided(Refused):
    """The agent that a create was about is there, and nothing shows who made it: it is left as it is."""

    @property
    def words(self) -> Text:
        """The outcome in words, which are our own."""
        return self.message


Outcome = Ok | Refused | NotSent | Lost


def joined(earlier: Outcome | None, later: Outcome) -> Outcome:
    """How a call ended that was sent more than once, `later` being its last answer.

    A later outcome never makes an earlier `Lost` forgotten: that request may have been carried out, whatever was
    answered since, unless the call is known to be done.
    """
    if isinstance(later, Ok) or not isinstance(earlier, Lost):
        return later
    if not isinstance(later, Refused | NotSent):
        return later
    return Lost(text("{reason}; then {later}", reason=earlier.reason, later=later.words))


def redacted(outcome: Outcome, secrets: tuple[str, ...]) -> Outcome:
    """The outcome without the request's secrets and with its text cut short: a vendor may quote what it refuses."""

    def clean(words: Text) -> Text:
        cleaned = without_secrets(words, secrets)[:MAX_MESSAGE]
        return words if words == cleaned else verbatim(cleaned)

    match outcome:
        case Refused(code, message, authentication, data):
            return Refused(code, clean(message), authentication, data)
        case NotSent(reason):
            return replace(outcome, reason=clean(reason))
        case Lost(reason, retry_after):
            return Lost(clean(reason), retry_after)
        case _:
            return outcome


def classify_response(status: int, headers: Mapping[str, str], body: bytes, success_codes: frozenset[int]) -> Outcome:
    """What a complete HTTP answer means. `headers` are looked up by their lower-case names."""
    envelope = _envelope(body)
    message = verbatim(str(envelope.get("msg") or "")) if envelope else NOTHING
    code = whole_number(envelope.get("code")) if envelope else None
    if status == 429:
        reason = message or text("the vendor asks to slow down (429)")
        return NotSent(reason, _retry_after(headers) or 1.0, turned_away=True)
    if status in (401, 403):
        return Refused(code or status, message or text("HTTP {status}", status=status), authentication=True)
    if status >= 500:
        words = text("HTTP {status}", status=status)
        if message.strip():
            words = text("{status} {message}", status=words, message=message.rstrip())
        return Lost(words, _retry_after(headers))
    if 300 <= status < 400:
        return Refused(status, text("a redirect, which is not followed; check the endpoint"))
    if envelope is None or code is None:
        return Lost(text("HTTP {status}, and not the vendor's envelope; check the endpoint", status=status))
    if code in success_codes:
        return (
            Ok(envelope.get("data"))
            if status < 300
            else Lost(text("HTTP {status} with a code of success", status=status))
        )
    return Refused(
        code, message or text("without a reason"), authentication=code in (401, 403), data=envelope.get("data")
    )


def _envelope(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def whole_number(value: object) -> int | None:
    """An integer from the vendor, which may come as a string of digits; `None` for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, at most `LONGEST_PAUSE`. The header gives seconds or a date."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_PAUSE)
    date = parsed_date(text)
    return None if date is None else min(max(date - time.time(), 0.0), LONGEST_PAUSE)


def parsed_date(text: str) -> float | None:
    """The seconds since 1970 that an HTTP date stands for; `None` where it is none."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def told_secret(value: object) -> str:
    """A password that an answer tells; empty where it tells none, or hides it behind asterisks."""
    text = "" if value is None else str(value)
    return text if text.strip("*•") else ""


def has_shape(shape: str, data: object) -> bool:
    """Whether an envelope's data has the shape that the endpoint's row in `core.model.endpoints` names."""
    match shape:
        case "list":
            return isinstance(data, list) and all(isinstance(item, dict) for item in data)
        case "object":
            return data is None or isinstance(data, dict)
        case _:
            return True
