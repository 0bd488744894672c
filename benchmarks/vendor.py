"""A vendor that only lists: `POST …/page` gets a ready body after a pause, in a process of its own.

It speaks as much HTTP as a well-behaved client needs: it is to take little of the processors that it shares with what
is measured. A request for anything but a page gets the number of pages that were asked for until then.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.data import pages

LATENCY: Final = 0.02
"""Seconds after which a page is answered, by default."""

_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_NUMBER: Final = re.compile(rb'"pageNumber": ?(\d+)')
_END: Final = b"\r\n\r\n"


@dataclass(slots=True)
class Listing:
    """Every page's whole answer, head and body; the seconds until an answer; and how many pages were asked for."""

    answers: list[bytes]
    latency: float
    asked: int = 0

    @classmethod
    def of(cls, count: int, latency: float) -> Listing:
        """Make the listing of so many agents."""
        return cls([_answer(body) for body in pages(count)], latency)


def _answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


@dataclass(slots=True)
class Door(asyncio.Protocol):
    """One connection: requests one after another, each with a Content-Length."""

    listing: Listing
    received: bytearray = field(default_factory=bytearray)
    transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, which answers go to."""
        if isinstance(transport, asyncio.Transport):
            self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer once a request has arrived whole."""
        self.received += data
        head = self.received.find(_END)
        if head < 0:
            return
        length = _LENGTH.search(self.received, 0, head)
        if len(self.received) < head + len(_END) + (int(length[1]) if length else 0):
            return
        request = bytes(self.received)
        self.received.clear()
        loop = asyncio.get_running_loop()
        if request.startswith(b"POST ") and b"/page " in request[: request.find(b"\r\n")]:
            loop.call_later(self.listing.latency, self._send, self._page(request[head:]))
        else:
            self._send(_answer(b"%d" % self.listing.asked))

    def _page(self, body: bytes) -> bytes:
        self.listing.asked += 1
        number = _NUMBER.search(body)
        index = int(number[1]) - 1 if number else 0
        return self.listing.answers[min(index, len(self.listing.answers) - 1)]

    def _send(self, answer: bytes) -> None:
        if self.transport and not self.transport.is_closing():
            self.transport.write(answer)


async def serve(listing: Listing) -> None:
    """Listen on a free port of this machine, print it, and answer until killed."""
    server = await asyncio.get_running_loop().create_server(partial(Door, listing), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


@dataclass(frozen=True, slots=True)
class Vendor:
    """A running vendor."""

    port: int

    @property
    def endpoint(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def asked(self) -> int:
        """The number of pages that were asked for until now."""
        with urllib.request.urlopen(f"{self.endpoint}/asked", timeout=10) as answer:  # noqa: S310 - our own
            return int(answer.read())


@contextmanager
def vendor(count: int, latency: float = LATENCY) -> Iterator[Vendor]:
    """Run a vendor with so many agents in a process of its own, which ends with the context; `latency` in seconds."""
    command = [sys.executable, "-m", "benchmarks.vendor", str(count), str(latency)]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE) as process:  # noqa: S603 - ourselves
        try:
            yield Vendor(int(process.stdout.readline()) if process.stdout else 0)
        finally:
            process.kill()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("agents", type=int)
    parser.add_argument("latency", type=float, help="seconds")
    options = parser.parse_args()
    asyncio.run(serve(Listing.of(options.agents, options.latency)))
