"""The vendor over HTTP, and the only module that imports httpx and httpcore.

Every request ends in one of the four outcomes of `answer.py`. The token goes to the configured host and nowhere else:
redirects are not followed, and no proxy variable but our own is read. A proxy is told the host's name and no more. A
request has one deadline, from the connection to the last byte of its answer.
"""

from __future__ import annotations

import json
import socket
import ssl
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final

# httpx would import its own command line, with rich and pygments: a third of the time that all imports take.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

import httpcore
import httpx

from reconciler import __version__
from reconciler.core.model.endpoints import ENDPOINTS, EndpointName
from reconciler.core.model.message import Text, text, verbatim
from reconciler.errors import WrongUsage
from reconciler.log import told
from reconciler.settings import Connection, Proxy
from reconciler.vendor.answer import (
    Lost,
    NotSent,
    Ok,
    Outcome,
    Refused,
    classify_response,
    has_shape,
    redacted,
)
from reconciler.vendor.rate_limit import RateLimiter
from reconciler.vendor.request_log import RequestLog
from reconciler.vendor.retry import MAX_RESENDS
from reconciler.vendor.server_time import ServerTime
from reconciler.vendor.trust import UNTRUSTED_HINT, distrust, trusting

MAX_ANSWER: Final = 16 * 1024 * 1024
"""Bytes that a decoded answer may have. A page of 100 rows has some 50 kB."""


class Transport:
    """Sends bodies to endpoints and returns their outcomes; shared by Reader and Writer, safe for threads.

    `stopped` says whether the run has been stopped, so that nobody needs further answers. `sleep` takes seconds.
    `server_time` tells the vendor's time, as its answers have told it.

    Raises:
        WrongUsage: the endpoint is not a URL.
    """

    def __init__(self, settings: Connection, sleep: Callable[[float], object] = time.sleep) -> None:
        self.parallelism = settings.parallelism
        self.sleep = told(sleep, "repetition")
        self.stopped: Callable[[], bool] = lambda: False
        self.limiter = RateLimiter(settings.rate, sleep=told(sleep, "rate"))
        self._log = RequestLog()
        self.server_time = ServerTime()
        self._settings = settings
        self._connections = threading.BoundedSemaphore(settings.parallelism)
        # httpx's transport, not its client: a transport follows no redirect, keeps no cookie and uses no proxy.
        try:
            self._endpoint = httpx.URL(settings.endpoint)
            self.endpoint = settings.endpoint
            base = self._endpoint.path.rstrip("/")
            self._urls = {name: self._endpoint.copy_with(path=base + row.path) for name, row in ENDPOINTS.items()}
        except (httpx.InvalidURL, ValueError):  # an impossible host name raises ValueError
            raise WrongUsage(
                "bad-endpoint", text("the endpoint is not a URL"), text("it looks like https://vendor.example")
            ) from None
        # Reading all certificates takes as long as reading ten pages. Plain http needs none: its context trusts nobody.
        plain = self._endpoint.scheme == "http"
        trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else trusting(settings.network.ca_file)
        self._exchange_state = _ExchangeState()
        # Plain http is for this machine only: a proxy would read the token, and could not come here.
        self._proxy = None if plain else settings.network.proxy
        self._http = _TimedTransport(trusted, settings.parallelism, self._exchange_state, self._proxy, tls=not plain)
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
        """Close every connection; what still waits for its turn is not sent any more."""
        self.stopped = lambda: True
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
        """Send one request once, when the rate and a free connection allow it. A network failure is an outcome too.

        Whatever it waited for: once the run has been stopped, nothing is sent that was not on the wire.
        """
        queued = time.monotonic()
        with self._connections:
            pauses = self.limiter.wait()
            # A vendor's row may hold half a surrogate pair, which UTF-8 cannot carry: it becomes an escape.
            content = json.dumps(body, ensure_ascii=False).encode("utf-8", "backslashreplace")
            began = time.monotonic()
            outcome = _INTERRUPTED if self.stopped() else self._exchange(self._urls[name], content)
            ended = time.monotonic()
        outcome = redacted(outcome, (self._settings.token.reveal(), str(body.get("password") or "")))
        if isinstance(outcome, NotSent | Lost) and outcome.retry_after:
            self.limiter.pause(outcome.retry_after, pauses)
        if isinstance(outcome, Ok | Refused):
            self.limiter.record_answer()
        if isinstance(outcome, Ok) and not has_shape(ENDPOINTS[name].data, outcome.data):
            outcome = Lost(text("the answer's data is not of the form that the reference gives"))
        self._log.tell(name, content, outcome, waited=began - queued, took=ended - began)
        return outcome

    def _exchange(self, url: httpx.URL, content: bytes) -> Outcome:
        state = self._exchange_state
        state.begin(self._settings.timeout, self.stopped)
        try:
            request = httpx.Request("POST", url, content=content, headers=self._headers, extensions=self._timeouts)
            response = self._http.handle_request(request)
            return self._read(response)
        # httpx's own messages are not repeated: some quote a header, and the token is one.
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return _INTERRUPTED if state.called_off else self._unconnected(error)
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol, httpx.InvalidURL):
            return NotSent(text("the request could not be built"))
        except httpx.ProxyError as error:
            return self._proxy_refusal(str(error))
        except httpx.HTTPError as error:
            if not state.sent:
                return self._unconnected(error)
            late = isinstance(error, httpx.TimeoutException)
            seconds = text("no answer within {timeout:g} s", timeout=self._settings.timeout)
            return Lost(seconds if late else text("the connection broke before the answer was whole"))
        except MemoryError:
            if state.sent:
                return Lost(text("no memory is left for the answer"))
            return NotSent(text("no memory is left to send it"))

    def _unconnected(self, error: httpx.HTTPError) -> NotSent:
        host, why = verbatim(self._endpoint.host), distrust(error)
        if why:
            words = text("the certificate of {host} is not trusted: {why}", host=host, why=why)
            return NotSent(words, hint=UNTRUSTED_HINT)
        if self._proxy:
            host = text("{host} through the proxy {proxy}", host=host, proxy=self._proxy.host)
        return NotSent(text("no connection to {host} ({why})", host=host, why=_root_cause(error)))

    def _proxy_refusal(self, answer: str) -> NotSent:
        """What it means that the proxy makes no connection; its answer begins with an HTTP status."""
        status = answer[:3] if answer[:3].isdigit() and answer.isascii() else text("no HTTP")
        proxy, host = self._proxy.host if self._proxy else "", self._endpoint.host
        if status == "407":
            hint = text("set RECONCILER_PROXY to http://USER:PASSWORD@HOST:PORT; a flag could be read by others")
            words = text("the proxy {proxy} wants another user and password, or any (407)", proxy=proxy)
            return NotSent(words, hint=hint)
        if status.startswith("4"):
            refuses = "the proxy {proxy} makes no connection to {host} ({status})"
            words = text(refuses, proxy=proxy, host=host, status=status)
            return NotSent(words, hint=text("have {host} allowed there, or name another proxy", host=host))
        return NotSent(
            text("the proxy {proxy} has no connection to {host} ({status})", proxy=proxy, host=host, status=status)
        )

    def _read(self, response: httpx.Response) -> Outcome:
        codes = self._settings.success_codes
        self.server_time.hear(response.headers)
        try:
            body = _bounded_body(response)
        except _UnreadableError as error:
            # Some statuses, such as 401 and 429, decide the outcome without a body.
            outcome = classify_response(response.status_code, response.headers, b"", codes)
            return Lost(error.why) if isinstance(outcome, Lost) else outcome
        finally:
            if self._exchange_state.answers > 1:  # the next request would be answered by what is left over
                response.extensions["network_stream"].close()
            response.stream.close()  # type: ignore[union-attr]
        return classify_response(response.status_code, response.headers, body, codes)


_INTERRUPTED: Final = NotSent(text("the run was interrupted before it was sent"), interrupted=True)


_ANSWER: Final = b"HTTP/1."
"""How each answer begins."""


class _ExchangeState(threading.local):
    """How the request of this thread stands: a request and its answer stay in one thread.

    `sent`: a part of it is on the wire. `called_off`: the run was stopped before that. `answers` counts those
    that seem to have come: more than one is a broken proxy's, or a body that looks so.
    """

    def begin(self, timeout: float, stopped: Callable[[], bool]) -> None:
        """Note that a request begins that has so many seconds, its answer included."""
        self.deadline = time.monotonic() + timeout
        self.stopped = stopped
        self.sent = self.called_off = False
        self.answers, self._tail = 0, b""

    def left(self, too_late: type[Exception]) -> float:
        """Seconds until the deadline; raises `too_late` when there are none."""
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise too_late
        return seconds

    def hear(self, data: bytes) -> None:
        """Note bytes that have come."""
        heard = self._tail + data
        self.answers += heard.count(_ANSWER)
        self._tail = heard[1 - len(_ANSWER) :]

    def go(self) -> None:
        """Let the first bytes of the request leave, unless the run was stopped: a connection takes time to be made."""
        if not self.sent and self.stopped():
            self.called_off = True
            raise httpcore.ConnectError
        self.sent = True


class _TimedStream(httpcore.NetworkStream):
    """A connection on which no read and no write lasts beyond the deadline of its request.

    httpx's timeouts are for each read: a header byte now and then would hold a request for ever. Before TLS only a
    proxy is spoken to, which is told the host (`ahead`).
    """

    def __init__(self, inner: httpcore.NetworkStream, state: _ExchangeState, *, ahead: bool) -> None:
        self._inner = inner
        self._state = state
        self._ahead = ahead

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - httpcore's
        data = self._inner.read(max_bytes, self._state.left(httpcore.ReadTimeout))
        if not self._ahead:
            self._state.hear(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - httpcore's
        wire: socket.socket = self._inner.get_extra_info("socket")
        if not self._ahead:
            self._state.go()
        try:
            while buffer:
                wire.settimeout(self._state.left(httpcore.WriteTimeout))
                buffer = buffer[wire.send(buffer) :]
        except TimeoutError:
            raise httpcore.WriteTimeout from None
        except OSError:
            raise httpcore.WriteError from None

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - httpcore's
    ) -> httpcore.NetworkStream:
        seconds = self._state.left(httpcore.ConnectTimeout)
        return _TimedStream(self._inner.start_tls(ssl_context, server_hostname, seconds), self._state, ahead=False)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _TimedBackend(httpcore.SyncBackend):
    """Connects within the deadline of the request: the addresses of a host share it. `tls` comes once connected."""

    def __init__(self, state: _ExchangeState, *, tls: bool) -> None:
        self._state = state
        self._tls = tls

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - httpcore's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            addresses = [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError from error
        for others, address in zip(range(len(addresses) - 1, 0, -1), addresses, strict=False):
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):  # the next one may be reachable
                return self._connected(address, port, local_address, socket_options, others)
        return self._connected(addresses[-1], port, local_address, socket_options, 0)

    def _connected(
        self, address: str, port: int, local_address: str | None, options: Iterable[Any] | None, others: int
    ) -> httpcore.NetworkStream:
        seconds = self._state.left(httpcore.ConnectTimeout) / (others + 1)
        stream = super().connect_tcp(address, port, seconds, local_address, options)
        return _TimedStream(stream, self._state, ahead=self._tls)


class _TimedTransport(httpx.HTTPTransport):
    """httpx's transport over connections that keep the deadline of each request."""

    def __init__(
        self, trusted: ssl.SSLContext, connections: int, state: _ExchangeState, proxy: Proxy | None, *, tls: bool
    ) -> None:
        pool: Any = httpcore.ConnectionPool
        if proxy is not None:
            user = (proxy.user.encode(), proxy.password.reveal().encode())
            pool = partial(httpcore.HTTPProxy, proxy.url, user if proxy.user else None)
        self._pool = pool(
            ssl_context=trusted,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=httpx.Limits().keepalive_expiry,
            network_backend=_TimedBackend(state, tls=tls),
        )


class _UnreadableError(Exception):
    """The body of an answer cannot be read; `why` says why."""

    def __init__(self, why: Text) -> None:
        self.why = why


def _root_cause(error: BaseException) -> str:
    while (deeper := error.__cause__ or error.__context__) is not None:
        error = deeper
    return (error.strerror or text("refused")) if isinstance(error, OSError) else type(error).__name__


def _bounded_body(response: httpx.Response) -> bytes:
    """The decoded body, at most `MAX_ANSWER` bytes: a small compressed answer can hold a huge one."""
    raw = bytearray()
    try:
        for chunk in response.stream:  # type: ignore[union-attr]
            raw += chunk
            if len(raw) > MAX_ANSWER:
                raise _UnreadableError(text("the answer is too large"))
    except httpx.TimeoutException:
        raise _UnreadableError(text("the answer took too long")) from None
    except httpx.HTTPError:
        raise _UnreadableError(text("the connection broke before the answer was whole")) from None
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding == "identity":
        return bytes(raw)
    if encoding != "gzip":
        raise _UnreadableError(text("the answer has an encoding that was not asked for"))
    unzip = zlib.decompressobj(wbits=31)
    try:
        body = unzip.decompress(bytes(raw), MAX_ANSWER)
    except zlib.error:
        raise _UnreadableError(text("the answer is cut or damaged")) from None
    if not unzip.eof:
        raise _UnreadableError(text("the answer is too large, or cut"))
    return body


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
