"""The vendor's base URL: which spellings of it mean one vendor, and the name of the folder for that vendor's books.

Also how a ledger on a git branch is addressed.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

BASE_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|\w(?:[\w.-]*\w)?)(?::(?P<port>[0-9]{1,5}))?(?P<path>/[a-z0-9._~/%+-]*)?",
    re.IGNORECASE,
)
"""A plain base URL: no user, query, fragment or blank."""
GIT_BRANCH: Final = "git+"
"""How the name of a ledger begins that is a branch of a git remote."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def canonical(endpoint: str) -> str:
    """The one spelling of all base URLs that mean the same vendor.

    They differ in case, in a final slash, or in naming the port that goes without saying.
    """
    url = BASE_URL.fullmatch(endpoint)
    if url is None:
        return endpoint.lower().rstrip("/")
    port, path = _port(url), (url["path"] or "").lower().rstrip("/")
    return f"{url['scheme'].lower()}://{_host(url)}{f':{port}' if port else ''}{path}"


def same_endpoint(one: str, other: str) -> bool:
    """Whether two base URLs mean the same vendor."""
    return canonical(one) == canonical(other)


def is_loopback(host: str) -> bool:
    """Whether a host, an IPv6 address without its brackets, is this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_rehearsal(endpoint: str) -> bool:
    """Whether the vendor is on this machine, as a sandbox is."""
    url = BASE_URL.fullmatch(endpoint)
    return url is not None and is_loopback(url["host"].strip("[]"))


def folder_name(endpoint: str) -> str:
    """The name of the folder for a vendor's books, `HOST` or `HOST_PORT`; it is safe on every file system."""
    url = BASE_URL.fullmatch(endpoint)
    if url is None:
        return re.sub(r"[^\w.-]+", "_", endpoint.lower())
    host, port = _host(url), _port(url)
    if host.startswith("["):
        host = "ipv6-" + host.strip("[]").replace(":", "-")
    return f"{host}_{port}" if port else host


def _host(url: re.Match[str]) -> str:
    host = str(url["host"]).lower()
    if not host.startswith("["):
        return host
    try:
        return f"[{ipaddress.IPv6Address(host.strip('[]')).compressed}]"
    except ValueError:
        return host


def _port(url: re.Match[str]) -> int | None:
    """The port, unless it is the one that goes without saying."""
    port = int(url["port"]) if url["port"] else None
    return None if port == _DEFAULT_PORTS[url["scheme"].lower()] else port
