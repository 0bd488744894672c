"""A vendor that answers what it is told: real HTTP on loopback, a script of answers, every request kept.

An answer is a function of the exchange. It can say anything that a socket can carry: `reply` and `envelope` are
well-behaved; `closed`, `cut`, `garbage`, `hangs` and `drips` are not.
"""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE = 30.0
"""Seconds after which whatever still waits gives up, so that a broken test ends."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it arrived; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        """The JSON that was sent."""
        return json.loads(self.raw)


class Exchange(BaseHTTPRequestHandler):
    """One request and the wire back to who sent it."""

    protocol_version = "HTTP/1.1"
    server: _Server
    stub: Stub
    seen: Seen

    def send(self, data: bytes) -> None:
        """Put bytes on the wire, whatever they are."""
        self.wfile.write(data)

    def hang_up(self, *, rudely: bool = False) -> None:
        """Close the connection after this; rudely: reset it."""
        self.close_connection = True
        if rudely:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def until_released(self, seconds: float = PATIENCE) -> bool:
        """Wait for the end of the test, at most so long; whether it has come."""
        return self.stub.released.wait(seconds)

    def answer_it(self) -> None:
        """Keep the request, then do what the script says."""
        raw = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.seen = Seen(self.command, self.path, headers, raw)
        self.stub = self.server.stub
        with self.stub.taking(self.seen) as answer:
            try:
                answer(self)
            except OSError:
                self.close_connection = True  # the client has gone, which some tests are about

    do_POST = do_GET = do_PUT = do_CONNECT = do_HEAD = answer_it  # noqa: N815 - named by the standard library

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by the standard library
        """Say nothing."""


Answer = Callable[[Exchange], None]


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True
    stub: Stub

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


class Stub:
    """What the vendor is to say, and what it heard."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[Seen] = []
        self.released = threading.Event()
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Condition()
        self._script: deque[Answer] = deque()
        self._then: Answer = envelope()

    def script(self, *answers: Answer, then: Answer | None = None) -> None:
        """Answer these in turn, then with `then` for ever; without a `then`, with the last of them."""
        self._script = deque(answers)
        self._then = then or answers[-1]

    def heard(self) -> int:
        """How many requests came; waits for the first, since a client in haste may be gone before it is read."""
        with self._lock:
            self._lock.wait_for(lambda: self.requests, PATIENCE)
            return len(self.requests)

    @contextmanager
    def taking(self, seen: Seen) -> Iterator[Answer]:
        """Keep a request and name its answer; counts how many are being answered at once."""
        with self._lock:
            self.requests.append(seen)
            self._lock.notify_all()
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            answer = self._script.popleft() if self._script else self._then
        try:
            yield answer
        finally:
            with self._lock:
                self._at_once -= 1


@contextmanager
def listening() -> Iterator[Callable[[], Stub]]:
    """A port that is listened on until the end of the block; a call there makes a vendor anew."""
    with _Server(("127.0.0.1", 0), Exchange) as server:

        def fresh() -> Stub:
            server.stub = Stub(f"http://127.0.0.1:{server.server_address[1]}")
            return server.stub

        fresh()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield fresh
        finally:
            server.stub.released.set()
            server.shutdown()
            thread.join(PATIENCE)


@contextmanager
def stub() -> Iterator[Stub]:
    """A vendor that listens until the end of the block."""
    with listening() as fresh:
        yield fresh()


def reply(status: int = 200, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
    """A whole answer, of any status and body."""

    def answer(exchange: Exchange) -> None:
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        exchange.send("\r\n".join((*lines, "", "")).encode("latin-1") + body)

    return answer


class _Absent:
    """No key at all, where `None` would be a JSON null."""


ABSENT = _Absent()


def envelope(
    code: Any = 200,
    msg: Any = "成功",
    data: Any = ABSENT,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """The vendor's `{code, msg, data?}`; what is `ABSENT` is left out."""
    parts = {"code": code, "msg": msg, "data": data}
    body = {name: value for name, value in parts.items() if value is not ABSENT}
    return reply(status, json.dumps(body, ensure_ascii=True).encode(), headers)


def gzipped(body: bytes) -> Answer:
    """A body that was compressed."""
    return reply(body=gzip.compress(body), headers={"Content-Encoding": "gzip"})


def bomb(megabytes: int) -> bytes:
    """A gzip file of spaces, a thousandth of the size that it unpacks to."""
    packer, block = zlib.compressobj(9, wbits=31), b" " * 1_000_000
    return b"".join(packer.compress(block) for _ in range(megabytes)) + packer.flush()


def redirect(status: int, location: str) -> Answer:
    """Go there instead."""
    return reply(status, headers={"Location": location})


def closed(*, rudely: bool = False) -> Answer:
    """Hang up on a request that was read, without a word."""
    return lambda exchange: exchange.hang_up(rudely=rudely)


def cut(body: bytes, after: int) -> Answer:
    """Promise a body and hang up in the middle of it."""

    def answer(exchange: Exchange) -> None:
        exchange.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:after])
        exchange.hang_up()

    return answer


def garbage(data: bytes) -> Answer:
    """Exactly these bytes, then the end."""

    def answer(exchange: Exchange) -> None:
        exchange.send(data)
        exchange.hang_up()

    return answer


def hangs(first: bytes = b"") -> Answer:
    """Say this much, and then nothing until the test is over."""

    def answer(exchange: Exchange) -> None:
        exchange.send(first)
        exchange.until_released()
        exchange.hang_up()

    return answer


def drips(every: float, chunk: bytes = b" ") -> Answer:
    """A chunked body that never ends, a little at a time."""

    def answer(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        end = time.monotonic() + PATIENCE
        while not exchange.until_released(every) and time.monotonic() < end:
            exchange.send(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        exchange.hang_up()

    return answer


def drips_header(every: float, chunk: bytes = b"x", first: bytes = b"HTTP/1.1 200 OK\r\nX-Slow: ") -> Answer:
    """A header that never ends, a little at a time."""

    def answer(exchange: Exchange) -> None:
        exchange.send(first)
        end = time.monotonic() + PATIENCE
        while not exchange.until_released(every) and time.monotonic() < end:
            exchange.send(chunk)
        exchange.hang_up()

    return answer


def chunked(*chunks: bytes) -> Answer:
    """A whole body in these chunks."""

    def answer(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for chunk in (*chunks, b""):
            exchange.send(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")

    return answer


def together(barrier: threading.Barrier, answer: Answer) -> Answer:
    """Answer only when as many requests are there as the barrier wants."""

    def wait_then_answer(exchange: Exchange) -> None:
        barrier.wait(PATIENCE)
        answer(exchange)

    return wait_then_answer


class Shelf:
    """A listing in pages. `spoil` may change a page: it is given the pass (from 1), the page and its data."""

    def __init__(
        self, rows: list[Any], spoil: Callable[[int, int, dict[str, Any]], None] = lambda _pass, _page, _data: None
    ) -> None:
        self._rows = rows
        self._spoil = spoil
        self._lock = threading.Lock()
        self.passes = 0

    def __call__(self, exchange: Exchange) -> None:
        """Answer a `page` request."""
        number, size = exchange.seen.body["pageNumber"], exchange.seen.body["pageSize"]
        with self._lock:
            self.passes += number == 1
            passes = self.passes
        data = {
            "result": list(self._rows[(number - 1) * size : number * size]),
            "pageSize": size,
            "total": len(self._rows),
            "pageNumber": number,
            "pageTotal": -(-len(self._rows) // size),
        }
        self._spoil(passes, number, data)
        envelope(data=data)(exchange)
