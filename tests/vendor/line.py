"""A client on the line: a transport to a stub, with its pauses written down instead of slept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from reconciler.core.model.desired import Company
from reconciler.core.model.secret import Secret
from reconciler.settings import Connection
from reconciler.vendor.answer import Outcome
from reconciler.vendor.http import Transport
from reconciler.vendor.reader import Reader
from reconciler.vendor.writer import Writer

TOKEN = "canary-token-Kp4/Wm+Z="
PASSWORD = "Canary-Pass-77"
COMPANY = Company("acme", 4242)


@dataclass(frozen=True, slots=True)
class Line:
    """Both ends of the client, and the pauses that it would have made, in seconds."""

    transport: Transport
    pauses: list[float]

    @property
    def reader(self) -> Reader:
        """What looks."""
        return Reader(self.transport, COMPANY)

    @property
    def writer(self) -> Writer:
        """What acts."""
        return Writer(self.transport, COMPANY)

    def edit(self) -> Outcome:
        """One request, once."""
        return self.transport.send("edit", {"abbreviate": "acme", "operatorId": "8001", "name": "张三"})


@contextmanager
def line(url: str, token: str = TOKEN, **settings: Any) -> Iterator[Line]:
    """A line to `url`; no limit on the rate and ten seconds of patience unless told otherwise."""
    pauses: list[float] = []
    connection = Connection(url, Secret(token), **{"rate": 0.0, "timeout": 10.0, **settings})
    transport = Transport(connection, sleep=pauses.append)
    try:
        yield Line(transport, pauses)
    finally:
        transport.close()
