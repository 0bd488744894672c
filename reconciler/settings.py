"""Options and environment to a checked `Connection`. `cli` calls this once; nothing else reads the settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.core.model.address import BASE_URL, is_loopback
from reconciler.core.model.secret import Secret
from reconciler.errors import WrongUsage
from reconciler.files.private import read_regular

SUCCESS_CODES: Final = frozenset({0, 200})
"""Envelope codes that mean success. The vendor's reference names none; these two are assumed."""

MAX_TOKEN_BYTES: Final = 8192
"""Bytes that a token file may have."""


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
    success_codes: frozenset[int] = SUCCESS_CODES


def connection(
    endpoint: str | None,
    token: str | None,
    token_file: Path | None,
    *,
    parallelism: int,
    rate: float,
    timeout: float,
) -> Connection:
    """The checked connection; `rate` is in requests a second, `timeout` in seconds.

    Raises:
        WrongUsage: the endpoint or the token is missing or unusable; the hint says what to set.
    """
    if not endpoint:
        raise WrongUsage("no vendor to talk to", "pass --endpoint URL or set RECONCILER_ENDPOINT")
    return Connection(
        checked_endpoint(endpoint), _token(token, token_file), parallelism=parallelism, rate=rate, timeout=timeout
    )


def checked_endpoint(endpoint: str) -> str:
    """The base URL without a final slash.

    Raises:
        WrongUsage: it is no base URL, or `http://` would show the token to the network.
    """
    url = BASE_URL.fullmatch(endpoint)
    if url is None or int(url["port"] or 1) not in range(1, 65536):
        hint = "it looks like https://vendor.example: no user, query or blank in it"
        raise WrongUsage("the endpoint is not a plain base URL", hint)
    if url["scheme"].lower() == "http" and not is_loopback(url["host"].strip("[]")):
        raise WrongUsage("http:// would send the token in the clear", "use https://; http:// is for this machine only")
    return endpoint.rstrip("/")


def _token(token: str | None, file: Path | None) -> Secret:
    """The token, from the environment or from a private file. No option takes it: others can see a command line."""
    if token and file:
        raise WrongUsage(
            "the token is given twice", "keep one of RECONCILER_TOKEN and --token-file (RECONCILER_TOKEN_FILE)"
        )
    text = token or (_read_private(file) if file else "")
    text = text.strip()
    if not text:
        raise WrongUsage("no token", "set RECONCILER_TOKEN, or pass --token-file FILE (mode 0600)")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise WrongUsage("the token holds characters that no HTTP header can carry", "copy it again from the vendor")
    return Secret(text)


def _read_private(file: Path) -> str:
    try:
        data, mode = read_regular(file, MAX_TOKEN_BYTES)
        if mode & 0o077:
            raise WrongUsage(f"token file {file} can be read by others", f"chmod 600 {file}")
        return data.decode("ascii")
    except OSError as error:
        # The message does not repeat the path: a user may have put the token itself in its place.
        hint = "--token-file and RECONCILER_TOKEN_FILE take a path; the token itself goes into RECONCILER_TOKEN"
        raise WrongUsage(f"the token file cannot be read: {error.strerror}", hint) from None
    except UnicodeDecodeError:
        raise WrongUsage(f"token file {file} holds something that is no token") from None
