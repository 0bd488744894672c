"""The ledger in an object store: S3, Google Cloud Storage or Azure Blob Storage, through the library obstore.

Everything rests on `Objects.swap`, which replaces the version that was seen and no other. Each write is unique, so
that after a lost answer one read tells whether it arrived. The lock is never deleted but swapped for a note that it is
free: a delete has no condition, and one that arrives late would take the lock from the next holder.

Importing this module raises `ReconcilerError` when the extra `remote` is not installed.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import urlsplit

from reconciler.core.model.ledger import LockInfo
from reconciler.errors import LedgerConflict, LockHeld, ReconcilerError, WrongUsage
from reconciler.ledger.lock import lock_info

try:
    import obstore
    from obstore import exceptions
    from obstore.store import AzureStore, GCSStore, S3Store
except ModuleNotFoundError:
    raise ReconcilerError("a ledger in an object store needs a library", "pip install 'reconciler[remote]'") from None

if TYPE_CHECKING:
    from obstore import PutMode, UpdateVersion
    from obstore.store import RetryConfig

CONNECT_TIMEOUT: Final = 5.0  # seconds, like the next
REQUEST_TIMEOUT: Final = 15.0
PAUSES: Final = (0.3, 1.2, 0.0)
"""Seconds to wait after each attempt. Google allows one write of an object a second."""

REFUSED: Final = (exceptions.AlreadyExistsError, exceptions.PreconditionError)
NO_ACCESS: Final = (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)
STORE_ERRORS: Final = (exceptions.BaseError, OSError, ValueError)
NO_BUCKET: Final = re.compile(r"NoSuchBucket|ContainerNotFound|bucket does not exist", re.IGNORECASE)
EXAMPLE: Final = "it looks like s3://bucket/path/ledger.json, gs://… or az://container/…"


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
        raise WrongUsage("the ledger's URL is not a URL", EXAMPLE) from None
    if parts.scheme not in ("s3", "gs", "az"):
        raise WrongUsage("the ledger's URL must begin with s3://, gs:// or az://", EXAMPLE)
    if unwanted:
        hint = "credentials come from the environment; the URL is bucket and key only"
        raise WrongUsage("the ledger's URL holds a user, port, query or fragment", hint)
    key = parts.path.removeprefix("/")
    if not re.fullmatch(r"[A-Za-z0-9$._-]+", parts.netloc) or not _is_key(key):
        raise WrongUsage("the ledger's URL names no bucket and key", EXAMPLE)
    return ObjectPlace(parts.scheme, parts.netloc, key)


def _is_key(key: str) -> bool:
    return key.isprintable() and "\\" not in key and not {"", ".", ".."} & set(key.split("/"))


@dataclass(frozen=True, slots=True)
class Version:
    """The bytes of an object, and the store's names for this version: S3 and Azure use the tag, Google the number."""

    data: bytes
    e_tag: str | None
    number: str | None


class Objects:
    """One bucket. All methods but `put` raise `ReconcilerError`, whose message never quotes a request or an answer."""

    def __init__(self, place: ObjectPlace, timeout: float, sleep: Callable[[float], None]) -> None:
        self._place = place
        self._sleep = sleep
        self._store = _open(place, timeout)

    def get(self, key: str) -> Version | None:
        """The object, or `None` when there is none."""
        for pause in PAUSES:
            try:
                result = obstore.get(self._store, key)
                return Version(bytes(result.bytes()), result.meta["e_tag"], result.meta["version"])
            except STORE_ERRORS as error:
                failure = error
            if isinstance(failure, FileNotFoundError) and not NO_BUCKET.search(str(failure)):
                return None
            if isinstance(failure, (FileNotFoundError, *NO_ACCESS)):
                break
            self._sleep(pause)
        raise self._error(failure, "read", key)

    def put(self, key: str, data: bytes, seen: Version | None) -> Exception | Version:
        """Write over `seen` once. An error is returned, not raised, because the write may have arrived all the same."""
        try:
            result = obstore.put(self._store, key, data, mode=_put_mode(seen), use_multipart=False)
        except STORE_ERRORS as error:
            return error
        return Version(data, result["e_tag"], result["version"])

    def swap(self, key: str, data: bytes, seen: Version | None) -> Version | None:
        """Write `data` over `seen` (`None`: create the object), and return the version that is there afterwards.

        Other bytes mean that somebody else wrote first, and that nothing was overwritten. `data` must be unique.
        """
        for pause in PAUSES:
            outcome = self.put(key, data, seen)
            if isinstance(outcome, Version):
                return outcome
            current = self.get(key)
            if _bytes(current) != _bytes(seen):
                return current
            if isinstance(outcome, (FileNotFoundError, *NO_ACCESS)):
                break
            seen = current
            self._sleep(pause)
        raise self._error(outcome, "written", key)

    def accepts(self, key: str, intruder: bytes, *, over: Version | None, kept: bytes) -> bool:
        """Whether the store accepts a write whose condition fails. The object holds `kept`, and must keep it."""
        for pause in PAUSES:
            outcome = self.put(key, intruder, over)
            if isinstance(outcome, Version) or _bytes(self.get(key)) != kept:
                return True
            if isinstance(outcome, REFUSED):
                return False
            self._sleep(pause)
        raise self._error(outcome, "written", key)

    def delete(self, key: str) -> None:
        """Delete an object whose key nobody else uses; one that does not exist is no error."""
        for pause in PAUSES:
            try:
                obstore.delete(self._store, key)
            except FileNotFoundError:
                return
            except STORE_ERRORS as error:
                failure = error
            else:
                return
            if isinstance(failure, NO_ACCESS):
                break
            self._sleep(pause)
        raise self._error(failure, "deleted", key)

    def _error(self, failure: object, done: str, key: str) -> ReconcilerError:
        what = f"{self._place.scheme}://{self._place.bucket}/{key} cannot be {done}"
        if isinstance(failure, FileNotFoundError):
            bucket = self._place.bucket
            return ReconcilerError(f"{what}: there is no bucket {bucket}", "create it first, or mend the name")
        if isinstance(failure, NO_ACCESS):
            return ReconcilerError(f"{what}: no permission", "docs/ledger.md lists the permissions that it takes")
        if isinstance(failure, REFUSED):
            return ReconcilerError(f"{what}: the store refuses though nobody changed it", "run it again")
        hint = "check the network, and the endpoint, region and credentials in the environment"
        return ReconcilerError(f"{what}: the store is not reachable, or answers with an error", hint)


class RemoteStore:
    """A ledger in an object store, and the lock beside it (`<key>.lock`). For one thread at a time.

    `timeout` is the seconds for one request; `sleep` waits between attempts.

    Raises:
        ReconcilerError: the URL (`WrongUsage`) or the environment does not tell how to reach the store.
    """

    def __init__(
        self, url: str, *, timeout: float = REQUEST_TIMEOUT, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._place = parse_url(url)
        self._objects = Objects(self._place, timeout, sleep)
        self._lock_key = f"{self._place.key}.lock"
        self._seen: Version | None = None
        self._probed = False

    @property
    def name(self) -> str:
        """The URL."""
        return str(self._place)

    def read(self) -> bytes | None:
        """The bytes, or `None` when there are none yet.

        Raises:
            ReconcilerError: the store does not answer, or refuses.
        """
        self._seen = self._objects.get(self._place.key)
        return _bytes(self._seen)

    def write(self, data: bytes) -> None:
        """Replace the version that was read or written last; `data` must differ from every earlier version.

        Raises:
            LedgerConflict: somebody else has written another version.
            ReconcilerError: the store does not answer, or refuses.
        """
        current = self._objects.swap(self._place.key, data, self._seen)
        if _bytes(current) != data:
            hint = "run apply again: it reads the ledger anew"
            raise LedgerConflict(f"somebody else wrote the ledger {self.name} meanwhile", hint)
        self._seen = current

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock while the body runs. If the release fails too, a failed body's exception gets a note.

        Raises:
            LockHeld: another apply holds the lock.
            ReconcilerError: the store cannot hold a lock, or the lock cannot be released after a successful body.
        """
        if not self._probed:
            _probe(self._objects, self._place)
            self._probed = True
        own_lock = lock_info()
        try:
            self._take(own_lock)
        except KeyboardInterrupt:
            with suppress(ReconcilerError):
                self._release(own_lock.id)
            raise
        try:
            yield
        except BaseException as error:
            try:
                self._release_own(own_lock)
            except ReconcilerError as release_error:
                error.add_note(f"{release_error.message}; {release_error.hint}")
            raise
        self._release_own(own_lock)

    def holder(self) -> LockInfo | None:
        """Who holds the lock now; `None` when nobody does.

        Raises:
            ReconcilerError: the store does not answer, or the object is no lock.
        """
        return self._holder(self._objects.get(self._lock_key))

    def unlock(self, lock_id: str) -> None:
        """Remove the lock with this id.

        Raises:
            ReconcilerError: there is no lock, or another one, or the store does not answer.
        """
        holder = self._release(lock_id)
        if holder is None:
            raise ReconcilerError(f"{self.name} is not locked")
        if holder.id != lock_id:
            raise ReconcilerError(f"{self.name} is locked by another: {_signature(holder)}", "nothing was removed")

    def _take(self, own_lock: LockInfo) -> None:
        lock_bytes = json.dumps(asdict(own_lock)).encode()
        current = self._objects.get(self._lock_key)
        for _ in PAUSES:
            if holder := self._holder(current):
                hint = f"wait until that apply is over; if it died: reconciler ledger unlock --id {holder.id}"
                raise LockHeld(f"{self.name} is locked by {_signature(holder)}", hint, holder)
            try:
                current = self._objects.swap(self._lock_key, lock_bytes, current)
            except ReconcilerError as error:
                raise ReconcilerError(error.message, f"{error.hint}; {_unlock_hint(own_lock)}") from None
            if _bytes(current) == lock_bytes:
                return
        raise LockHeld(f"{self.name} is locked by one apply after the other", "wait until they are over")

    def _release_own(self, own_lock: LockInfo) -> None:
        try:
            holder = self._release(own_lock.id)
        except ReconcilerError as error:
            raise ReconcilerError(f"the lock was not released: {error.message}", _unlock_hint(own_lock)) from None
        if holder is None or holder.id != own_lock.id:
            hint = "two applies may have run at once: look at the plan of the next one"
            raise ReconcilerError(f"somebody removed the lock of {self.name} while this apply ran", hint)

    def _release(self, lock_id: str) -> LockInfo | None:
        """Swap the lock with this id for a note that it is free. Returns who held the lock at that moment."""
        current = self._objects.get(self._lock_key)
        holder = self._holder(current)
        if holder is None or holder.id != lock_id:
            return holder
        free = json.dumps({"released": lock_id, "by": secrets.token_hex(8)}).encode()
        current = self._objects.swap(self._lock_key, free, current)
        return holder if _bytes(current) == free else self._holder(current)

    def _holder(self, current: Version | None) -> LockInfo | None:
        if current is None:
            return None
        try:
            document = json.loads(current.data)
            if isinstance(document, dict) and "released" in document:
                return None
            info = LockInfo(**document)
            if not all(isinstance(part, str) for part in asdict(info).values()):
                raise TypeError
        except (ValueError, TypeError):
            hint = "make sure that no apply is running, then delete it by hand"
            raise ReconcilerError(f"{self.name}.lock holds something that is no lock", hint) from None
        return info


def _signature(holder: LockInfo) -> str:
    return f"{holder.who} since {holder.since} (id {holder.id})"


def _unlock_hint(own_lock: LockInfo) -> str:
    return f"if the lock stays behind: reconciler ledger unlock --id {own_lock.id}"


def _probe(objects: Objects, place: ObjectPlace) -> None:
    """Test on an object of our own that the store honours conditional writes; raises `ReconcilerError` if not."""
    key = f"{place.key}.probe-{secrets.token_hex(8)}"
    try:
        _try_conditions(objects, place, key)
    except BaseException:
        with suppress(ReconcilerError):
            objects.delete(key)
        raise
    objects.delete(key)


def _try_conditions(objects: Objects, place: ObjectPlace, key: str) -> None:
    first, second, intruder = (secrets.token_bytes(16) for _ in range(3))
    one = objects.swap(key, first, None)
    if _bytes(one) != first:
        _refuse_store(place, "does not show what was just written")
    if objects.accepts(key, intruder, over=None, kept=first):
        _refuse_store(place, "overwrites an object that must only be created")
    if _bytes(objects.swap(key, second, one)) != second:
        _refuse_store(place, "does not replace the version that it is told to")
    if objects.accepts(key, intruder, over=one, kept=second):
        _refuse_store(place, "overwrites an object that has changed since")


def _refuse_store(place: ObjectPlace, does: str) -> NoReturn:
    hint = "use another object store, or a ledger on disk"
    raise ReconcilerError(f"{place.scheme}://{place.bucket} cannot hold a lock: it {does}", hint)


def _open(place: ObjectPlace, timeout: float) -> AzureStore | GCSStore | S3Store:
    # They go into the configuration: client options would override the environment's (AWS_ALLOW_HTTP …).
    limits: Any = {"connect_timeout": f"{CONNECT_TIMEOUT:.0f}s", "timeout": f"{timeout * 1000:.0f}ms"}
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
        hint = "docs/ledger.md lists the variables for credentials, region and endpoint"
        message = f"the environment does not tell how to reach {place.scheme}://{place.bucket}"
        raise ReconcilerError(message, hint) from None


def _put_mode(seen: Version | None) -> PutMode:
    if seen is None:
        return "create"
    # The library wants an absent key rather than None: S3 and Azure go by the tag, Google by the number.
    mode: UpdateVersion = {}
    if seen.e_tag is not None:
        mode["e_tag"] = seen.e_tag
    if seen.number is not None:
        mode["version"] = seen.number
    return mode


def _bytes(version: Version | None) -> bytes | None:
    return version.data if version else None
