"""One bucket of an object store (S3, Google Cloud Storage, Azure Blob Storage), through the library obstore.

Everything rests on `Objects.swap`: it puts new bytes over the version that was seen and over no other.

Importing this module raises `ReconcilerError` when the extra `remote` is not installed.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote, urlsplit

from reconciler.core.model.message import Text, text
from reconciler.errors import ReconcilerError, WrongUsage, install_hint
from reconciler.ledger.swap_store import Version, content_of
from reconciler.log import milliseconds, tell
from reconciler.settings import Network, Proxy
from reconciler.vendor.trust import UNTRUSTED_HINT

try:
    import obstore
    from obstore import exceptions
    from obstore.store import AzureStore, GCSStore, S3Store
except ModuleNotFoundError:
    raise ReconcilerError(
        "extra-missing", text("a ledger in an object store needs a library"), install_hint("remote")
    ) from None

if TYPE_CHECKING:
    from obstore import PutMode, UpdateVersion
    from obstore.store import RetryConfig

_T = TypeVar("_T")
CONNECT_TIMEOUT: Final = 5.0  # seconds, like the next
REQUEST_TIMEOUT: Final = 15.0
PAUSES: Final = (0.3, 1.2, 0.0)
"""Seconds to wait after each attempt. Google allows one write of an object a second."""

REFUSED: Final = (exceptions.AlreadyExistsError, exceptions.PreconditionError)
NO_ACCESS: Final = (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)
STORE_ERRORS: Final = (exceptions.BaseError, OSError, ValueError)
NO_BUCKET: Final = re.compile(r"NoSuchBucket|ContainerNotFound|bucket does not exist", re.IGNORECASE)
UNTRUSTED: Final = re.compile(r"InvalidCertificate|certificate verify|UnknownIssuer", re.IGNORECASE)
_CERTIFICATES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_NEAR: Final = "localhost,127.0.0.0/8,::1,169.254.0.0/16,metadata.google.internal"
"""What no proxy is asked for: this machine, and where a cloud tells a machine its identity."""
EXAMPLE: Final = text("it looks like s3://bucket/path/ledger.json, gs://… or az://container/…")


@dataclass(frozen=True, slots=True)
class ObjectPlace:
    """The place of an object: scheme, bucket (with Azure the container) and key."""

    scheme: str
    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.key}"


def parse_url(url: str) -> ObjectPlace:
    """The place that a ledger's URL names.

    Raises:
        WrongUsage: the URL cannot be used; the message does not repeat it, since it may hold a password.
    """
    try:
        parts = urlsplit(url)
        unwanted = {"@", ":"} & set(parts.netloc) or {"?", "#"} & set(url)
    except ValueError:
        raise WrongUsage("bad-ledger", text("the ledger's URL is not a URL"), EXAMPLE) from None
    if parts.scheme not in ("s3", "gs", "az"):
        raise WrongUsage("bad-ledger", text("the ledger's URL must begin with s3://, gs:// or az://"), EXAMPLE)
    if unwanted:
        hint = text("credentials come from the environment; the URL is bucket and key only")
        raise WrongUsage("bad-ledger", text("the ledger's URL holds a user, port, query or fragment"), hint)
    key = parts.path.removeprefix("/")
    if not re.fullmatch(r"[A-Za-z0-9$._-]+", parts.netloc) or not _is_key(key):
        raise WrongUsage("bad-ledger", text("the ledger's URL names no bucket and key"), EXAMPLE)
    return ObjectPlace(parts.scheme, parts.netloc, key)


def _is_key(key: str) -> bool:
    return key.isprintable() and "\\" not in key and not {"", ".", ".."} & set(key.split("/"))


class Objects:
    """One bucket. All methods but `put` raise `ReconcilerError`, whose message never quotes a request or an answer."""

    def __init__(self, place: ObjectPlace, timeout: float, sleep: Callable[[float], None], network: Network) -> None:
        self._place = place
        self._sleep = sleep
        with _environment(network):
            self._store = _open(place, timeout, network)

    def get(self, key: str) -> Version | None:
        """The object, or `None` when there is none."""
        for pause in PAUSES:
            answer = _asked("get", lambda: self._read(key))
            if isinstance(answer, Version):
                return answer
            if isinstance(answer, FileNotFoundError) and not NO_BUCKET.search(str(answer)):
                return None
            if _is_final(answer):
                break
            self._sleep(pause)
        raise self._error(answer, text("read"), key)

    def keys(self, prefix: str) -> list[str]:
        """The keys of all objects that begin like this; the prefix ends with a slash."""
        for pause in PAUSES:
            answer = _asked("list", lambda: self._listed(prefix))
            if not isinstance(answer, Exception):
                return answer
            if _is_final(answer):
                break
            self._sleep(pause)
        raise self._error(answer, text("listed"), prefix)

    def put(self, key: str, data: bytes, seen: Version | None) -> Exception | Version:
        """Write over `seen` once. An error is returned, not raised, because the write may have arrived all the same."""
        result = _asked("put", lambda: obstore.put(self._store, key, data, mode=_put_mode(seen), use_multipart=False))
        return result if isinstance(result, Exception) else Version(data, result["e_tag"], result["version"])

    def swap(self, key: str, data: bytes, seen: Version | None) -> Version | None:
        """Write `data` over `seen` (`None`: create the object), and return the version that is there afterwards.

        Other bytes mean that somebody else wrote first, and that nothing was overwritten. `data` must be unique.
        """
        for pause in PAUSES:
            outcome = self.put(key, data, seen)
            if isinstance(outcome, Version):
                return outcome
            if UNTRUSTED.search(str(outcome)):
                break
            current = self.get(key)
            if content_of(current) != content_of(seen):
                return current
            if _is_final(outcome):
                break
            seen = current
            self._sleep(pause)
        raise self._error(outcome, text("written"), key)

    def accepts(self, key: str, intruder: bytes, *, over: Version | None, kept: bytes) -> bool:
        """Whether the store accepts a write whose condition fails. The object holds `kept`, and must keep it."""
        for pause in PAUSES:
            outcome = self.put(key, intruder, over)
            if isinstance(outcome, Version) or content_of(self.get(key)) != kept:
                return True
            if isinstance(outcome, REFUSED):
                return False
            self._sleep(pause)
        raise self._error(outcome, text("written"), key)

    def delete(self, key: str) -> None:
        """Delete an object whose key nobody else uses; one that does not exist is no error."""
        for pause in PAUSES:
            answer = _asked("delete", lambda: obstore.delete(self._store, key))
            if answer is None or isinstance(answer, FileNotFoundError):
                return
            if _is_final(answer):
                break
            self._sleep(pause)
        raise self._error(answer, text("deleted"), key)

    def _read(self, key: str) -> Version:
        result = obstore.get(self._store, key)
        return Version(bytes(result.bytes()), result.meta["e_tag"], result.meta["version"])

    def _listed(self, prefix: str) -> list[str]:
        return [each["path"] for part in obstore.list(self._store, prefix) for each in part]

    def _error(self, failure: object, done: Text, key: str) -> ReconcilerError:
        place = f"{self._place.scheme}://{self._place.bucket}/{key}"
        what = text("{place} cannot be {done}", place=place, done=done)
        if isinstance(failure, FileNotFoundError):
            bucket = self._place.bucket
            return ReconcilerError(
                "no-bucket",
                text("{what}: there is no bucket {bucket}", what=what, bucket=bucket),
                text("create it first, or mend the name"),
            )
        if isinstance(failure, NO_ACCESS):
            return ReconcilerError(
                "no-permission",
                text("{what}: no permission", what=what),
                text("docs/ledger.md lists the permissions that it takes"),
            )
        if isinstance(failure, REFUSED):
            return ReconcilerError(
                "store-failed",
                text("{what}: the store refuses though nobody changed it", what=what),
                text("run it again"),
            )
        if UNTRUSTED.search(str(failure)):
            return ReconcilerError(
                "untrusted-certificate",
                text("{what}: the certificate of the store is not trusted", what=what),
                UNTRUSTED_HINT,
            )
        hint = text("check the network, and the endpoint, region and credentials in the environment")
        return ReconcilerError(
            "store-failed", text("{what}: the store is not reachable, or answers with an error", what=what), hint
        )


def _asked(operation: str, ask: Callable[[], _T]) -> _T | Exception:
    """What one request came to; an error of the store is returned. The log tells neither key nor words of the store."""
    since, outcome = time.monotonic(), "ok"
    try:
        return ask()
    except STORE_ERRORS as error:
        outcome = _kind(error)
        return error
    finally:
        told = {"operation": operation, "outcome": outcome, "ms": milliseconds(time.monotonic() - since)}
        tell("store", told, detail=True)


def _kind(error: Exception) -> str:
    kinds = ((FileNotFoundError, "absent"), (REFUSED, "refused"), (NO_ACCESS, "no-access"))
    return next((kind for types, kind in kinds if isinstance(error, types)), "failed")


@contextmanager
def _environment(network: Network) -> Iterator[None]:
    """The environment that the library is to see while it makes its client: it takes proxies and certificates from it.

    Only our own setting names a proxy. The library takes a file of certificates from this variable alone.
    """
    seen = {name: value for name, value in os.environ.items() if "PROXY" in name.upper()}
    if network.ca_file is not None:
        seen |= {name: os.environ[name] for name in _CERTIFICATES if name in os.environ}
    for name in seen:
        del os.environ[name]
    try:
        if network.ca_file is not None:
            os.environ[_CERTIFICATES[0]] = str(network.ca_file)
        yield
    finally:
        if network.ca_file is not None:
            del os.environ[_CERTIFICATES[0]]
        os.environ.update(seen)


def _through(proxy: Proxy) -> dict[str, str]:
    user = f"{quote(proxy.user, '')}:{quote(proxy.password.reveal(), '')}@" if proxy.user else ""
    return {"proxy_url": proxy.url.replace("://", f"://{user}", 1), "proxy_excludes": _NEAR}


def _open(place: ObjectPlace, timeout: float, network: Network) -> AzureStore | GCSStore | S3Store:
    # They go into the configuration: client options would override the environment's (AWS_ALLOW_HTTP …).
    limits: Any = {"connect_timeout": f"{CONNECT_TIMEOUT:.0f}s", "timeout": f"{timeout * 1000:.0f}ms"}
    if network.proxy is not None:
        limits |= _through(network.proxy)
    # The library's retry after a lost success would report a conflict; `Objects` reads before it retries.
    no_retry: RetryConfig = {"max_retries": 0, "retry_timeout": timedelta(seconds=timeout)}
    try:
        match place.scheme:
            case "s3":
                limits |= {"conditional_put": "etag", "disable_bulk_delete": "true"}
                return S3Store(place.bucket, config=limits, retry_config=no_retry)
            case "gs":
                return GCSStore(place.bucket, config=limits, retry_config=no_retry)
            case _:
                return AzureStore(place.bucket, config=limits, retry_config=no_retry)
    except STORE_ERRORS:
        hint = text("docs/ledger.md lists the variables for credentials, region and endpoint")
        message = text(
            "the environment does not tell how to reach {scheme}://{bucket}", scheme=place.scheme, bucket=place.bucket
        )
        raise ReconcilerError("store-failed", message, hint) from None


def _is_final(failure: Exception) -> bool:
    """Whether trying again changes nothing."""
    return isinstance(failure, (FileNotFoundError, *NO_ACCESS)) or UNTRUSTED.search(str(failure)) is not None


def _put_mode(seen: Version | None) -> PutMode:
    if seen is None:
        return "create"
    # The library wants an absent key rather than None: S3 and Azure go by the tag, Google by the number.
    mode: UpdateVersion = {}
    if seen.tag is not None:
        mode["e_tag"] = seen.tag
    if seen.number is not None:
        mode["version"] = seen.number
    return mode
