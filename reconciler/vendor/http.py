"""The vendor over HTTP, and the only module that imports httpx: `Reader` reads live agents, `Writer` changes them.

Every request ends in one of the four outcomes of `answer.py`. The token goes to the configured host and nowhere else:
redirects are not followed, and proxy variables are not read.
"""

from __future__ import annotations

import json
import ssl
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

# httpx would import its own command line, with rich and pygments: a third of the time that all imports take.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

import httpx

from reconciler import __version__
from reconciler.core import wire
from reconciler.core.model.desired import Company
from reconciler.core.model.endpoints import ENDPOINTS, PAGE_SIZE, EndpointName
from reconciler.core.model.fields import Value
from reconciler.core.model.live import LiveAgent
from reconciler.core.model.secret import Secret
from reconciler.errors import IncompleteListing, VendorError, WrongUsage
from reconciler.settings import Connection
from reconciler.vendor.answer import (
    Lost,
    NotSent,
    Ok,
    Outcome,
    Refused,
    classify_response,
    has_shape,
    redacted,
    whole_number,
)
from reconciler.vendor.rate import HOPELESS_AFTER, RateLimiter, backoff

MAX_ANSWER: Final = 16 * 1024 * 1024
"""Bytes that a decoded answer may have. A page of 100 rows has some 50 kB."""
MAX_AGENTS: Final = 10_000_000
READ_TRIES: Final = 6
LISTING_TRIES: Final = 6
MAX_RESENDS: Final = 50
"""How often one request is sent again while the vendor turns it away and lets others through."""


class Transport:
    """Sends bodies to endpoints and returns their outcomes; shared by Reader and Writer, safe for threads.

    `stopped` says whether the run has been stopped, so that nobody needs further answers. `sleep` takes seconds.

    Raises:
        WrongUsage: the endpoint is not a URL.
    """

    def __init__(self, settings: Connection, sleep: Callable[[float], object] = time.sleep) -> None:
        self.parallelism = settings.parallelism
        self.sleep = sleep
        self.stopped: Callable[[], bool] = lambda: False
        self.limiter = RateLimiter(settings.rate, sleep=sleep)
        self._settings = settings
        self._connections = threading.BoundedSemaphore(settings.parallelism)
        # httpx's transport, not its client: a transport follows no redirect, keeps no cookie and uses no proxy.
        limits = httpx.Limits(max_connections=settings.parallelism, max_keepalive_connections=settings.parallelism)
        try:
            self._endpoint = httpx.URL(settings.endpoint)
            self.endpoint = settings.endpoint
            base = self._endpoint.path.rstrip("/")
            self._urls = {name: self._endpoint.copy_with(path=base + row.path) for name, row in ENDPOINTS.items()}
        except (httpx.InvalidURL, ValueError):  # an impossible host name raises ValueError
            raise WrongUsage("the endpoint is not a URL", "it looks like https://vendor.example") from None
        # Reading all certificates takes as long as reading ten pages. Plain http needs none: its context trusts nobody.
        verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if self._endpoint.scheme == "http" else True
        self._http = httpx.HTTPTransport(verify=verify, trust_env=False, limits=limits)
        self._headers = httpx.Headers(
            {
                "token": settings.token.reveal(),
                "content-type": "application/json",
                "accept": "application/json",
                "accept-encoding": "gzip",
                "user-agent": f"reconciler/{__version__}",
            }
        )
        self._timeouts = {"timeout": httpx.Timeout(settings.timeout).as_dict()}

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def request(self, name: EndpointName, body: Mapping[str, Any]) -> Outcome:
        """Send a request, and send it again while the vendor turns it away (429) but lets other requests through."""
        outcome = self.send(name, body)
        for _ in range(MAX_RESENDS):
            turned_away = isinstance(outcome, NotSent) and outcome.turned_away
            if not turned_away or self.limiter.hopeless or self.stopped():
                break
            outcome = self.send(name, body)
        return outcome

    def send(self, name: EndpointName, body: Mapping[str, Any]) -> Outcome:
        """Send one request once, when the rate and a free connection allow it. A network failure is an outcome too."""
        with self._connections:
            pauses = self.limiter.wait()
            # A vendor's row may hold half a surrogate pair, which UTF-8 cannot carry: it becomes an escape.
            content = json.dumps(body, ensure_ascii=False).encode("utf-8", "backslashreplace")
            outcome = self._exchange(self._urls[name], content)
        outcome = redacted(outcome, (self._settings.token.reveal(), str(body.get("password") or "")))
        if isinstance(outcome, NotSent | Lost) and outcome.retry_after:
            self.limiter.pause(outcome.retry_after, pauses)
        if isinstance(outcome, Ok | Refused):
            self.limiter.record_answer()
        if isinstance(outcome, Ok) and not has_shape(ENDPOINTS[name].data, outcome.data):
            return Lost("the answer's data is not of the form that the reference gives")
        return outcome

    def _exchange(self, url: httpx.URL, content: bytes) -> Outcome:
        try:
            request = httpx.Request("POST", url, content=content, headers=self._headers, extensions=self._timeouts)
            response = self._http.handle_request(request)
        # httpx's own messages are not repeated: some quote a header, and the token is one.
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return NotSent(f"no connection to {self._endpoint.host} ({_root_cause(error)})")
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol, httpx.InvalidURL):
            return NotSent("the request could not be built")
        except httpx.TimeoutException:
            return Lost(f"no answer within {self._settings.timeout:g} s")
        except httpx.HTTPError:
            return Lost("the connection broke before the answer was whole")
        return self._read(response)

    def _read(self, response: httpx.Response) -> Outcome:
        codes = self._settings.success_codes
        try:
            body = _bounded_body(response, time.monotonic() + self._settings.timeout)
        except _UnreadableError as error:
            # Some statuses, such as 401 and 429, decide the outcome without a body.
            outcome = classify_response(response.status_code, response.headers, b"", codes)
            return Lost(str(error)) if isinstance(outcome, Lost) else outcome
        finally:
            response.stream.close()  # type: ignore[union-attr]
        return classify_response(response.status_code, response.headers, body, codes)


class _UnreadableError(Exception):
    """The body of an answer cannot be read; the message says why."""


def _root_cause(error: BaseException) -> str:
    while (deeper := error.__cause__ or error.__context__) is not None:
        error = deeper
    return (error.strerror or "refused") if isinstance(error, OSError) else type(error).__name__


def _bounded_body(response: httpx.Response, deadline: float) -> bytes:
    """The decoded body, at most `MAX_ANSWER` bytes: a small compressed answer can hold a huge one.

    `deadline` is in seconds of the monotonic clock.
    """
    raw = bytearray()
    try:
        for chunk in response.stream:  # type: ignore[union-attr]
            raw += chunk
            if len(raw) > MAX_ANSWER:
                raise _UnreadableError("the answer is too large")
            if time.monotonic() > deadline:
                raise _UnreadableError("the answer took too long")
    except httpx.TimeoutException:
        raise _UnreadableError("the answer took too long") from None
    except httpx.HTTPError:
        raise _UnreadableError("the connection broke before the answer was whole") from None
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding == "identity":
        return bytes(raw)
    if encoding != "gzip":
        raise _UnreadableError("the answer has an encoding that was not asked for")
    unzip = zlib.decompressobj(wbits=31)
    try:
        body = unzip.decompress(bytes(raw), MAX_ANSWER)
    except zlib.error:
        raise _UnreadableError("the answer is cut or damaged") from None
    if not unzip.eof:
        raise _UnreadableError("the answer is too large, or cut")
    return body


@dataclass(frozen=True, slots=True)
class LookedUp:
    """An agent as 2.1.4 or a filtered 2.1.5 shows it, its SIP password included."""

    agent: LiveAgent
    sip_number: str | None
    sip_password: Secret | None


class Reader:
    """Reads live agents, with `one` (2.1.4) and `page` (2.1.5)."""

    def __init__(self, transport: Transport, company: Company) -> None:
        self._transport = transport
        self._company = company

    def look_up(self, operator_id: str) -> Outcome:
        """Read one agent once (2.1.4): `Ok` with a `LookedUp`, or with `None` when there is no such agent.

        The reference names no code for "no such agent". So a refusal is checked by 2.1.5, filtered by the id.
        """
        outcome = self._transport.request("one", wire.one_body(self._company, operator_id))
        if isinstance(outcome, Refused) and not outcome.authentication:
            outcome = self._transport.request("page", wire.search_body(self._company, operator_id))
            rows = outcome.data.get("result") if isinstance(outcome, Ok) and outcome.data else None
            exact = [row for row in rows or () if isinstance(row, dict) and str(row.get("operatorId")) == operator_id]
            return _looked_up(operator_id, exact[0] if exact else None) if isinstance(outcome, Ok) else outcome
        return _looked_up(operator_id, outcome.data) if isinstance(outcome, Ok) else outcome

    def one(self, operator_id: str) -> LookedUp | None:
        """Read one agent (2.1.4), several times if need be; `None` when there is no such agent.

        Raises:
            VendorError: the vendor refuses, or cannot be read after `READ_TRIES` tries.
        """
        for attempt in range(1, READ_TRIES + 1):
            outcome = self.look_up(operator_id)
            if isinstance(outcome, Ok):
                looked_up: LookedUp | None = outcome.data
                return looked_up
            if isinstance(outcome, Refused):
                raise VendorError(str(outcome), _hint(outcome))
            self._back_off(attempt, outcome)
        raise _gave_up(str(outcome))

    def listing(
        self,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> list[LiveAgent]:
        """Read every live agent, each once (2.1.5).

        `progress` is called with the rows read and the rows in all. `meanwhile` runs while the pages after the first
        are on their way.

        Pages are not a snapshot. A reading counts only if every page names the same total and there are as many
        distinct ids. After a reading that does not count, two readings in a row must agree.

        Raises:
            IncompleteListing: the listing still changes after `LISTING_TRIES` readings.
            VendorError: the vendor refuses, or cannot be read or understood.
        """
        changed, previous = False, None
        for attempt in range(1, LISTING_TRIES + 1):
            agents, total = self._read_all_pages(progress, meanwhile)
            by_id = {agent.operator_id: agent for agent in agents}
            complete = total is not None and len(agents) == total == len(by_id)
            if complete and (not changed or by_id == previous):
                return agents
            changed, previous = True, by_id if complete else None
            if attempt < LISTING_TRIES:
                self._transport.sleep(backoff(attempt, None))
        raise IncompleteListing(
            f"the listing changed while it was read, {LISTING_TRIES} times over; nothing was concluded from it",
            "try again when nobody is editing agents in the console",
        )

    def _read_all_pages(
        self, progress: Callable[[int, int], None], meanwhile: Callable[[], None]
    ) -> tuple[list[LiveAgent], int | None]:
        """The agents of all pages, and the total; the total is `None` when pages disagree about it."""
        first, total = self._page(1)
        pages = range(2, -(-total // PAGE_SIZE) + 1) if len(first) == min(total, PAGE_SIZE) else ()
        agents: list[LiveAgent] = []
        with _threads(self._transport.parallelism) as threads:
            others = threads.map(self._page, pages)
            if pages:
                meanwhile()
            for rows, page_total in chain([(first, total)], others):
                agents += _decoded(rows)  # in this thread, while the others wait for the next pages
                progress(len(agents), total)
                if page_total != total:
                    return agents, None
        return agents, total

    def _page(self, number: int) -> tuple[list[object], int]:
        outcome = self._read_until_answered("page", wire.page_body(self._company, number))
        if isinstance(outcome, Refused):
            raise VendorError(str(outcome), _hint(outcome))
        data = outcome.data or {}
        total = whole_number(data.get("total"))
        rows = data.get("result") or []
        if total is None or total > MAX_AGENTS or not isinstance(rows, list):
            raise VendorError("the vendor's listing names no sensible total, or its rows are no list")
        return rows, total

    def _read_until_answered(self, name: EndpointName, body: Mapping[str, Any]) -> Ok | Refused:
        """Send a read until it is answered: after a 5xx or a broken connection again, with growing pauses."""
        for attempt in range(1, READ_TRIES + 1):
            outcome = self._transport.request(name, body)
            if isinstance(outcome, Ok | Refused):
                return outcome
            self._back_off(attempt, outcome)
        raise _gave_up(str(outcome))

    def _back_off(self, attempt: int, outcome: NotSent | Lost) -> None:
        if isinstance(outcome, NotSent) and outcome.turned_away:
            raise _gave_up(str(outcome), HOPELESS_AFTER)
        if attempt < READ_TRIES:
            self._transport.sleep(backoff(attempt, outcome.retry_after))


@contextmanager
def _threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that end with the block. When an error ends the block, their answers are not waited for."""
    threads = ThreadPoolExecutor(count, "page")
    try:
        yield threads
    except BaseException:
        threads.shutdown(wait=False, cancel_futures=True)
        raise
    threads.shutdown(cancel_futures=True)


def _gave_up(reason: str, tries: int = READ_TRIES) -> VendorError:
    return VendorError(f"the vendor could not be read, {tries} times over: {reason}", "try again later")


def _looked_up(operator_id: str, row: object) -> Outcome:
    if not row:
        return Ok(None)
    try:
        agent = wire.live_agent(row)
    except ValueError:
        return Lost("the answer shows no agent")
    if agent.operator_id != operator_id or not isinstance(row, dict):
        return Lost("the answer shows another agent")
    number, password = row.get("sipNumber"), row.get("sipPassword")
    return Ok(LookedUp(agent, str(number) if number else None, Secret(str(password)) if password else None))


def _hint(refused: Refused) -> str:
    return "check the token, and whose company it is for" if refused.authentication else ""


def _decoded(rows: Sequence[object]) -> list[LiveAgent]:
    try:
        return [wire.live_agent(row) for row in rows]
    except ValueError as error:
        raise VendorError(f"the vendor's listing cannot be understood: {error}") from None


class Writer:
    """Changes live agents: one method for each writing endpoint, which sends one request and returns its outcome.

    `apply.settle` decides what follows from the outcome.
    """

    def __init__(self, transport: Transport, company: Company) -> None:
        self._transport = transport
        self._company = company

    def create(self, operator_ids: tuple[str, ...], fields: Mapping[str, Value], password: Secret | None) -> Outcome:
        """Create one agent, or several with consecutive ids (2.1.1). The outcome's `data` has an item for each agent.

        Without a password the vendor chooses one for each agent, and the item holds it. The item also holds the SIP
        number and its password.
        """
        text = password.reveal() if password else None
        return self._write("create", wire.create_body(self._company, operator_ids, fields, text))

    def edit(self, operator_id: str, fields: Mapping[str, Value]) -> Outcome:
        """Set exactly these fields of one agent (2.1.2)."""
        return self._write("edit", wire.edit_body(self._company, operator_id, fields))

    def delete(self, operator_ids: tuple[str, ...]) -> Outcome:
        """Delete a list of agents (2.1.3)."""
        return self._write("delete", wire.delete_body(self._company, operator_ids))

    def password(self, operator_id: str, password: Secret) -> Outcome:
        """Set one agent's password (2.1.6)."""
        return self._write("password", wire.password_body(self._company, operator_id, password.reveal()))

    def _write(self, name: EndpointName, body: Mapping[str, Any]) -> Outcome:
        return self._transport.request(name, body)


@contextmanager
def connected(settings: Connection, sleep: Callable[[float], object] | None = None) -> Iterator[Transport]:
    """A transport that is closed at the end. Pauses are made with `sleep` (seconds), which may end early.

    Raises:
        WrongUsage: the endpoint is not a URL.
    """
    transport = Transport(settings, sleep or time.sleep)
    try:
        yield transport
    finally:
        transport.close()
