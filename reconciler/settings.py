"""Options and environment to a checked `Connection`. `cli` calls this; nothing else reads the settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from reconciler.core.model.address import BASE_URL, is_loopback
from reconciler.core.model.message import text
from reconciler.core.model.secret import Secret
from reconciler.errors import WrongUsage
from reconciler.files.private import read_regular
from reconciler.files.system import others_can_read

SUCCESS_CODES: Final = frozenset({0, 200})
"""Envelope codes that mean success. The vendor's reference names none; these two are assumed."""

MAX_TOKEN_BYTES: Final = 8192
"""Bytes that a token file may have."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy that makes connections (CONNECT). `url` is scheme, host and port; the user may be empty."""

    url: str
    user: str
    password: Secret

    @property
    def host(self) -> str:
        """Host and port."""
        return urlsplit(self.url).netloc


@dataclass(frozen=True, slots=True)
class Network:
    """What lies between this machine and the vendor, or an object store.

    `ca_file` holds the only certificates that are believed; without it the operating system's are.
    """

    ca_file: Path | None = None
    proxy: Proxy | None = None


DIRECT: Final = Network()
"""Nothing lies between."""


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach the vendor.

    `parallelism` is the number of requests in flight at once, `rate` is in requests a second (0: unlimited), `timeout`
    is in seconds for a whole answer.
    """

    endpoint: str
    token: Secret
    parallelism: int = 8
    rate: float = 20.0
    timeout: float = 30.0
    network: Network = DIRECT
    success_codes: frozenset[int] = SUCCESS_CODES


def connection(
    endpoint: str | None,
    token: str | None,
    token_file: Path | None,
    *,
    parallelism: int,
    rate: float,
    timeout: float,
    network: Network = DIRECT,
) -> Connection:
    """The checked connection; `rate` is in requests a second, `timeout` in seconds.

    Raises:
        WrongUsage: the endpoint or the token is missing or unusable; the hint says what to set.
    """
    if not endpoint:
        raise WrongUsage(
            "no-endpoint", text("no vendor to talk to"), text("pass --endpoint URL or set RECONCILER_ENDPOINT")
        )
    checked, secret = checked_endpoint(endpoint), _token(token, token_file)
    return Connection(checked, secret, parallelism=parallelism, rate=rate, timeout=timeout, network=network)


def network(ca_file: Path | None, proxy: str | None) -> Network:
    """The checked network.

    Raises:
        WrongUsage: the file holds no certificate, or the proxy is no URL of one. The message repeats no password.
    """
    if ca_file is not None:
        import ssl

        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=ca_file)
        except ssl.SSLError:
            raise WrongUsage(
                "bad-certificate",
                text("{ca_file} holds no certificate", ca_file=ca_file),
                text("--ca-file takes certificates as PEM"),
            ) from None
        except OSError as error:
            raise WrongUsage(
                "unreadable-file",
                text("{ca_file} cannot be read: {why}", ca_file=ca_file, why=error.strerror),
                text("--ca-file takes a PEM file"),
            ) from None
    return Network(ca_file, _proxy(proxy) if proxy else None)


def _proxy(url: str) -> Proxy:
    hint = text(
        "it looks like http://proxy.example:3128, in RECONCILER_PROXY also http://USER:PASSWORD@proxy.example:3128"
    )
    try:
        parts = urlsplit(url)
        port = 80 if parts.port is None else parts.port
    except ValueError:
        raise WrongUsage("bad-proxy", text("the proxy is no URL"), hint) from None
    user, password = (unquote(each or "") for each in (parts.username, parts.password))
    bare = f"http://{parts.netloc.rpartition('@')[2]}".removesuffix("/")
    unwanted = parts.path.strip("/") or parts.query or parts.fragment or not f"{user}{password}".isprintable()
    if parts.scheme != "http" or unwanted or not port or not BASE_URL.fullmatch(bare):
        raise WrongUsage(
            "bad-proxy", text("the proxy is no plain http:// URL; what goes through it is encrypted all the same"), hint
        )
    return Proxy(f"{bare}:{port}" if parts.port is None else bare, user, Secret(password))


def checked_endpoint(endpoint: str) -> str:
    """The base URL without a final slash.

    Raises:
        WrongUsage: it is no base URL, or `http://` would show the token to the network.
    """
    url = BASE_URL.fullmatch(endpoint)
    if url is None or int(url["port"] or 1) not in range(1, 65536):
        hint = text("it looks like https://vendor.example: no user, query or blank in it")
        raise WrongUsage("bad-endpoint", text("the endpoint is not a plain base URL"), hint)
    if url["scheme"].lower() == "http" and not is_loopback(url["host"].strip("[]")):
        raise WrongUsage(
            "insecure-address",
            text("http:// would send the token in the clear"),
            text("use https://; http:// is for this machine only"),
        )
    return endpoint.rstrip("/")


def _token(token: str | None, file: Path | None) -> Secret:
    """The token, from the environment or from a private file. No option takes it: others can see a command line."""
    if token and file:
        raise WrongUsage(
            "bad-token",
            text("the token is given twice"),
            text("keep one of RECONCILER_TOKEN and --token-file (RECONCILER_TOKEN_FILE)"),
        )
    secret = (token or (_read_private(file) if file else "")).strip()
    if not secret:
        raise WrongUsage(
            "bad-token", text("no token"), text("set RECONCILER_TOKEN, or pass --token-file FILE (mode 0600)")
        )
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        raise WrongUsage(
            "bad-token",
            text("the token holds characters that no HTTP header can carry"),
            text("copy it again from the vendor"),
        )
    return Secret(secret)


def _read_private(file: Path) -> str:
    try:
        data, mode = read_regular(file, MAX_TOKEN_BYTES)
        if others_can_read(mode):
            raise WrongUsage(
                "readable-by-others",
                text("token file {file} can be read by others", file=file),
                text("chmod 600 {file}", file=file),
            )
        return data.decode("ascii")
    except OSError as error:
        # The message does not repeat the path: a user may have put the token itself in its place.
        hint = text("--token-file and RECONCILER_TOKEN_FILE take a path; the token itself goes into RECONCILER_TOKEN")
        raise WrongUsage(
            "unreadable-file", text("the token file cannot be read: {why}", why=error.strerror), hint
        ) from None
    except UnicodeDecodeError:
        raise WrongUsage("bad-token", text("token file {file} holds something that is no token", file=file)) from None
