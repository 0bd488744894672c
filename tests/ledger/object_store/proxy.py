"""A line between a store and its server that fails where a test says so, request by request.

Requests are forwarded one at a time: the test server checks a condition and writes in two steps, and two requests at
once could both pass the check. With the line in between a condition and its write are one step, as in a real store.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import urlsplit

HOP = {"connection", "content-length", "transfer-encoding", "keep-alive", "server", "date"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the client."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def encoded(self) -> bytes:
        """The answer as it goes over the wire."""
        lines = [f"HTTP/1.1 {self.status} -", *(f"{name}: {value}" for name, value in self.headers)]
        return "\r\n".join([*lines, f"Content-Length: {len(self.body)}", "", ""]).encode() + self.body


@dataclass(slots=True)
class Exchange:
    """One request, and all that a fault may do with it."""

    proxy: Proxy
    number: int
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: socket.socket

    @property
    def call(self) -> str:
        """The method, and whether it goes for the ledger, its lock or a probe."""
        kind = "lock" if self.path.endswith(".lock") else "probe" if ".probe-" in self.path else "ledger"
        return f"{self.method} {kind}"

    def forward(self) -> Answer:
        """Let the server see it."""
        return self.proxy.forward(self)

    def reply(self, answer: Answer) -> None:
        """Answer the client."""
        self.connection.sendall(answer.encoded())

    def cut(self, answer: Answer) -> None:
        """Begin to answer, and close the line before the end."""
        self.connection.sendall(answer.encoded()[:-1])
        self.close()

    def close(self) -> None:
        """Close the line without a word."""
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Break the line off."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def hang(self) -> None:
        """Say nothing until the client gives up."""
        with suppress(OSError):
            self.connection.recv(1)


Fault = Callable[[Exchange], None]


@dataclass(slots=True)
class Proxy:
    """The line: `faults` by request number, `rule` for every request without one, `strip` for headers that it loses."""

    upstream: str
    url: str = ""
    faults: dict[int, Fault] = field(default_factory=dict)
    rule: Callable[[Exchange], Fault | None] | None = None
    strip: frozenset[str] = frozenset()
    calls: list[str] = field(default_factory=list)
    _late: list[tuple[int, Exchange]] = field(default_factory=list)
    _one_at_a_time: threading.RLock = field(default_factory=threading.RLock)

    def take(self, method: str, path: str, headers: dict[str, str], body: bytes, line: socket.socket) -> None:
        """Number a request and let its fault have it."""
        with self._one_at_a_time:
            exchange = Exchange(self, len(self.calls) + 1, method, path, headers, body, line)
            self.calls.append(exchange.call)
        fault = self.faults.get(exchange.number) or (self.rule(exchange) if self.rule else None)
        (fault or passes)(exchange)

    def forward(self, exchange: Exchange) -> Answer:
        """Pass a request on, and after it those that are late and due by now."""
        with self._one_at_a_time:
            answer = self._send(exchange)
            self.deliver(exchange.number)
            return answer

    def delay(self, exchange: Exchange, due: int) -> None:
        """Keep a request until the one with that number has passed."""
        with self._one_at_a_time:
            self._late.append((due, exchange))

    def deliver(self, number: int | None = None) -> None:
        """Pass on what is late, all of it or what was due by `number`."""
        with self._one_at_a_time:
            due = [late for late in self._late if number is None or late[0] <= number]
            self._late = [late for late in self._late if late not in due]
            for _, exchange in due:
                self._send(exchange)

    def _send(self, exchange: Exchange) -> Answer:
        address = urlsplit(self.upstream)
        line = HTTPConnection(address.hostname or "", address.port, timeout=30)
        headers = {name: value for name, value in exchange.headers.items() if name.lower() not in self.strip}
        try:
            line.request(exchange.method, exchange.path, exchange.body, headers)
            got = line.getresponse()
            kept = tuple((name, value) for name, value in got.getheaders() if name.lower() not in HOP)
            return Answer(got.status, kept, got.read())
        finally:
            line.close()


def passes(exchange: Exchange) -> None:
    """No fault."""
    exchange.reply(exchange.forward())


def answers(status: int, body: bytes = b"<Error><Code>Canary</Code></Error>", *, forwarded: bool = False) -> Fault:
    """The client gets this status, whether or not the server saw the request."""

    def fault(exchange: Exchange) -> None:
        if forwarded:
            exchange.forward()
        exchange.reply(Answer(status, (("Content-Type", "application/xml"),), body))

    return fault


def late(by: int) -> Fault:
    """The client sees a closed line; the server gets the request only after `by` others."""

    def fault(exchange: Exchange) -> None:
        exchange.proxy.delay(exchange, exchange.number + by)
        exchange.close()

    return fault


def first(act: Callable[[], object], then: Fault = passes) -> Fault:
    """Somebody else acts just before this request."""

    def fault(exchange: Exchange) -> None:
        act()
        then(exchange)

    return fault


def _lost(exchange: Exchange) -> None:
    exchange.forward()
    exchange.close()


def _lost_rudely(exchange: Exchange) -> None:
    exchange.forward()
    exchange.reset()


def _lost_in_silence(exchange: Exchange) -> None:
    exchange.forward()
    exchange.hang()


FAULTS: dict[str, Fault] = {
    "answer lost": _lost,
    "answer lost by a reset": _lost_rudely,
    "answer cut": lambda exchange: exchange.cut(exchange.forward()),
    "answer 500 though done": answers(500, forwarded=True),
    "request lost": lambda exchange: exchange.close(),
    "request lost by a reset": lambda exchange: exchange.reset(),
    "request late by one": late(1),
    "request late by two": late(2),
    "request late by many": late(1_000),
    "500": answers(500),
    "503": answers(503),
    "429": answers(429),
    "409": answers(409),
}
"""Every way in which one request can go wrong and the next one need not, but for silence."""

SILENCES: dict[str, Fault] = {
    "answer withheld": _lost_in_silence,
    "request withheld": lambda exchange: exchange.hang(),
}
"""The client has to give up by itself."""


class _Line(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    proxy: ClassVar[Proxy]

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with suppress(OSError):
            self.proxy.take(self.command, self.path, dict(self.headers), body, self.connection)

    do_GET = do_PUT = do_DELETE = do_POST = do_HEAD = _any  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Nothing: the test reads `calls`."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A line that broke is what the test asked for."""


@contextmanager
def proxy(upstream: str) -> Iterator[Proxy]:
    """A line to `upstream` that fails nowhere yet."""
    between = Proxy(upstream)
    server = _Server(("127.0.0.1", 0), type("Line", (_Line,), {"proxy": between}))
    between.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield between
    finally:
        server.shutdown()
        server.socket.close()
        thread.join()
