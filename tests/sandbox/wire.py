"""One TCP connection to the sandbox, to see what no HTTP library shows: how it ends, and what stays unsaid."""

from __future__ import annotations

import http.client
import json
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from reconciler.sandbox.server import Box

from .client import JSON, PREFIX, TOKEN


@dataclass(frozen=True)
class Answered:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def envelope(self) -> Any:
        return json.loads(self.body)


def announced(received: bytes) -> tuple[int, bytes]:
    """Of an answer, or as much of it as came: the length that its header names, and what there is of the body."""
    head, _, body = received.partition(b"\r\n\r\n")
    [length] = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return int(length.partition(b":")[2]), body


class Wire:
    """A connection that is kept alive unless the server ends it."""

    def __init__(self, box: Box) -> None:
        address = urlsplit(box.url)
        self._socket = socket.create_connection((address.hostname, address.port), timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._socket.close()

    def send(self, endpoint: str, **body: Any) -> Wire:
        """Sends a whole request."""
        content = json.dumps({"abbreviate": "acme", **body}).encode()
        head = f"POST {PREFIX}{endpoint} HTTP/1.1\r\nHost: sandbox\r\nContent-Type: {JSON}\r\ntoken: {TOKEN}\r\n"
        self._socket.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        return self

    def answer(self) -> Answered:
        """Reads one whole answer."""
        response = http.client.HTTPResponse(self._socket)
        response.begin()
        return Answered(response.status, dict(response.getheaders()), response.read())

    def some(self) -> bytes:
        """Waits for bytes, and takes what is there."""
        return self._socket.recv(65_536)

    def rest(self) -> tuple[bytes, str]:
        """Reads until the connection ends, and says how: "closed" (FIN) or "reset" (RST)."""
        received = b""
        try:
            while piece := self._socket.recv(65_536):
                received += piece
        except ConnectionResetError:
            return received, "reset"
        return received, "closed"

    def is_silent(self) -> bool:
        """Whether there is neither a byte nor an end to be read at this moment."""
        return not select.select([self._socket], [], [], 0)[0]

    def leave(self) -> None:
        """Ends the connection as a client does that has waited long enough."""
        self._socket.close()


def until(condition: Callable[[], bool]) -> None:
    """Waits for what another thread is about to do."""
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came true")


def arrived(box: Box, count: int = 1) -> None:
    """Waits until so many requests have reached the server."""
    until(lambda: len(box.store.attempts()) >= count)
