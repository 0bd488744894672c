"""The least that a plan can cost with this parser: what `plan` must do, and nothing else, in processes of its own.

The file's events become values that know their lines, in this process, while a second one fetches the pages over bare
sockets; then the rows are decoded and the dictionaries compared. Threads in one process were slower, and so was the
file in the second process. `load` is PyYAML's own loader on the same file, alone.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import marshal
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.events import (
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from benchmarks.data import PAGE_SIZE

CONNECTIONS: Final = 8
PAGE: Final = "/api/v1/config/openapi/agent/page"

_WORDS: Final[dict[str, bool | None]] = {"": None, "~": None, "null": None, "true": True, "false": False}
CHOICES: Final[dict[str, dict[str, int]]] = {
    "operatorType": {"agent": 0, "leader": 1},
    "status": {"disabled": 0, "enabled": 1},
    "outcallflag": {"allowed": 0, "no-long-distance": 1, "forbidden": 2, "no-international": 3},
}
"""The vendor's integers for choices. Its flags need none: 0 and 1 are equal to Python's booleans."""


def build(data: bytes) -> tuple[Any, list[int]]:
    """Return the value of a file without anchors and tags, and the line of each of its collections, from 0."""
    event_of: Callable[[], Any] = yaml.CSafeLoader(data).get_event
    parents: list[Any] = []
    lines: list[int] = []
    node: Any = []
    root, key = node, None
    while True:
        event = event_of()
        kind = event.__class__
        if kind is ScalarEvent:
            value = _plain(event.value) if event.implicit[0] else event.value
            if node.__class__ is list:
                node.append(value)
            elif key is None:
                key = value
            else:
                node[key], key = value, None
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            node = parents.pop()
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            lines.append(event.start_mark.line)
            parents.append(node)
            node, key = _opened(node, key, {} if kind is MappingStartEvent else []), None
        elif kind is StreamEndEvent:
            return root[0], lines


def _opened(parent: Any, key: Any, new: Any) -> Any:
    if parent.__class__ is list:
        parent.append(new)
    else:
        parent[key] = new
    return new


def _plain(text: str) -> str | int | bool | None:
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if text.isdigit() and (text[0] != "0" or text == "0") else text


def _request(port: int, number: int) -> bytes:
    """Return the request that `vendor.http` sends, except for the case of two headers' names (2.1.5)."""
    body = json.dumps({"abbreviate": "acme", "pageNumber": number, "pageSize": PAGE_SIZE}).encode()
    head = (
        f"POST {PAGE} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ntoken: any\r\ncontent-type: application/json\r\n"
        "accept: application/json\r\naccept-encoding: gzip\r\nuser-agent: reconciler/0.1.0\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _body(connection: socket.socket, request: bytes) -> bytes:
    """Send one request and return its answer's body."""
    connection.sendall(request)
    answer = bytearray(connection.recv(1 << 16))
    while (head := answer.find(b"\r\n\r\n")) < 0:
        answer += connection.recv(1 << 16)
    start = answer.lower().find(b"content-length:", 0, head) + len("content-length:")
    end = head + 4 + int(answer[start : answer.find(b"\r", start)])
    while len(answer) < end:
        answer += connection.recv(1 << 18)
    return bytes(answer[head + 4 : end])


def fetch(port: int) -> list[bytes]:
    """Return the body of every page, in order, fetched over a few connections."""
    first = _connection(port)
    bodies = {1: _body(first, _request(port, 1))}
    total = -(-json.loads(bodies[1])["data"]["total"] // PAGE_SIZE)
    numbers = iter(range(2, total + 1))

    def work(connection: socket.socket) -> None:
        with connection:
            for number in numbers:
                bodies[number] = _body(connection, _request(port, number))

    count = min(CONNECTIONS, total)
    connections = itertools.chain([first], (_connection(port) for _ in range(count - 1)))
    threads = [threading.Thread(target=work, args=(connection,)) for connection in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [bodies[number] for number in sorted(bodies)]


def _connection(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def rows(bodies: Iterable[bytes]) -> dict[str, dict[str, Any]]:
    """The listed rows, by id."""
    return {row["operatorId"]: row for body in bodies for row in json.loads(body)["data"]["result"]}


def differing(agents: Sequence[dict[str, Any]], live: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield the ids of the agents that differ between file and listing."""
    for agent in agents:
        for name, numbers in CHOICES.items():
            agent[name] = numbers[agent[name]]
        if not agent.items() <= live[agent["operatorId"]].items():
            yield agent["operatorId"]


def beside(port: int) -> Callable[[], list[bytes]]:
    """Fetch the pages in a forked process; the returned function waits for them."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        with os.fdopen(writing, "wb") as pipe:
            marshal.dump(fetch(port), pipe)
        os._exit(0)
    os.close(writing)

    def bodies() -> list[bytes]:
        with os.fdopen(reading, "rb") as pipe:
            fetched: list[bytes] = marshal.load(pipe)  # noqa: S302 - from our own child
        os.waitpid(child, 0)
        return fetched

    return bodies


def plan(file: Path, port: int) -> int:
    """Return how many agents differ."""
    bodies = beside(port)
    root, _ = build(file.read_bytes())
    return sum(1 for _ in differing(root["agents"], rows(bodies())))


def main() -> None:
    """`plan FILE PORT` prints how many agents differ; `load FILE` prints how many there are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("plan", "load"))
    parser.add_argument("file", type=Path)
    parser.add_argument("port", type=int, nargs="?", default=0)
    arguments = parser.parse_args()
    if arguments.what == "load":
        # The garbage collector stays on, as it is for everybody who just calls `yaml.load`.
        count = len(yaml.load(arguments.file.read_bytes(), Loader=yaml.CSafeLoader)["agents"])
    else:
        gc.disable()
        count = plan(arguments.file, arguments.port)
    sys.stdout.write(f"{count}\n")


if __name__ == "__main__":
    main()
