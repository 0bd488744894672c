"""TLS before a server that speaks plain HTTP, and a proxy that writes down all it is told."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import trustme

VENDOR: Final = "vendor.example"
STORE: Final = "store.example"
"""Names that no resolver knows: only the proxy does."""


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs certificates; nobody trusts it who does not have `file`."""

    authority: trustme.CA
    file: Path

    def context(self, *names: str) -> ssl.SSLContext:
        """A server's context, with a certificate for these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(*names).configure_cert(context)
        return context


def authority(folder: Path) -> Authority:
    """A new authority, its certificate in the folder."""
    made = trustme.CA()
    made.cert_pem.write_to_path(str(folder / "company-ca.pem"))
    return Authority(made, folder / "company-ca.pem")


@dataclass(slots=True)
class Door:
    """A port that speaks TLS and passes on what it hears; `refused` counts the clients that did not trust it."""

    port: int = 0
    opened: int = 0
    refused: int = 0


@contextmanager
def tls(context: ssl.SSLContext, inner: int) -> Iterator[Door]:
    """TLS before the plain server at a port of this machine."""
    door = Door()

    def serve(client: socket.socket) -> None:
        door.opened += 1
        try:
            wrapped = context.wrap_socket(client, server_side=True)
        except OSError:
            door.refused += 1
            return
        with wrapped, socket.create_connection(("127.0.0.1", inner)) as server:
            _join(wrapped, server)

    with _listening(serve) as door.port:
        yield door


@dataclass(slots=True)
class Proxy:
    """A proxy for CONNECT. `hosts` says where names lead, `heard` is every byte of its clients, heads apart.

    With `user` (`name:password`) it lets nobody in who does not say that. Where `status` is not 200 it makes no
    connection. `asked` is called for each CONNECT.
    """

    hosts: dict[str, int] = field(default_factory=dict)
    user: str = ""
    status: str = "200 OK"
    asked: Callable[[], object] = lambda: None
    port: int = 0
    heads: list[str] = field(default_factory=list)
    heard: bytearray = field(default_factory=bytearray)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def serve(self, client: socket.socket) -> None:
        """Serve one client."""
        head = b""
        while not head.endswith(b"\r\n\r\n") and (more := client.recv(1)):
            head += more
        self.heads.append(head.decode())
        self.asked()
        method, target = head.split(b" ")[:2]
        told = f": Basic {base64.b64encode(self.user.encode()).decode()}\r\n"
        status = self.status if not self.user or told in head.decode() else "407 Proxy Authentication Required"
        if method != b"CONNECT":
            status = "405 Method Not Allowed"
        client.sendall(f"HTTP/1.1 {status}\r\n\r\n".encode())
        if status.startswith("200"):
            with socket.create_connection(("127.0.0.1", self.hosts[target.decode()])) as server:
                _join(client, server, self.heard)


@contextmanager
def proxy(**settings: object) -> Iterator[Proxy]:
    """A proxy on this machine."""
    made = Proxy(**settings)  # type: ignore[arg-type]
    with _listening(made.serve) as made.port:
        yield made


@contextmanager
def _listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve each client in a thread of its own; the port."""
    with ExitStack() as clients, socket.create_server(("127.0.0.1", 0)) as listener:

        def handle(client: socket.socket) -> None:
            with client, suppress(OSError):
                serve(client)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    clients.callback(client.close)
                    threading.Thread(target=handle, args=(client,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def _join(client: socket.socket, server: socket.socket, heard: bytearray | None = None) -> None:
    """Carry bytes both ways until both sides have ended."""

    def carry(source: socket.socket, target: socket.socket, noted: bytearray | None) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if noted is not None:
                    noted.extend(data)
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    back = threading.Thread(target=carry, args=(server, client, None), daemon=True)
    back.start()
    carry(client, server, heard)
    back.join(10)
