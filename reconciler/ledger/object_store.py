"""The ledger in an object store: S3, Google Cloud Storage or Azure Blob Storage, through the library obstore.

Everything here rests on one act, `Objects.swap`: put new bytes over the version that was seen and over no other. What
is put carries a number that no other put carries, so that after a lost answer one look tells whether it arrived. The
lock is never deleted but swapped for a note that it is free: a store deletes whatever lies there by then, and a
delete that arrives late would take the lock from the next holder.

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

CONNECT_TIMEOUT: Final = 5.0
REQUEST_TIMEOUT: Final = 15.0
PAUSES: Final = (0.3, 1.2, 0.0)
"""Seconds after each try. Google allows one write of an object a second."""

REFUSED: Final = (exceptions.AlreadyExistsError, exceptions.PreconditionError)
NO_ACCESS: Final = (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)
TROUBLE: Final = (exceptions.BaseError, OSError, ValueError)
NO_BUCKET: Final = re.compile(r"NoSuchBucket|ContainerNotFound|bucket does not exist", re.IGNORECASE)
EXAMPLE: Final = "it looks like s3://bucket/path/ledger.json, gs://… or az://container/…"


@dataclass(frozen=True, slots=True)
class ObjectPlace:
    """Where an object lies."""

    scheme: str
    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.key}"


def parse(url: str) -> ObjectPlace:
    """Take a ledger's URL apart; raises `WrongUsage`, which never repeats it: it may hold a password."""
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
    """The bytes of an object, and what the store calls this version of it."""

    data: bytes
    e_tag: str | None
    number: str | None


class Objects:
    """One bucket. Raises only `ReconcilerError`, in words of our own: the library's quote requests and answers."""

    def __init__(self, place: ObjectPlace, timeout: float, sleep: Callable[[float], None]) -> None:
        self._place = place
        self._sleep = sleep
        self._store = _open(place, timeout)

    def get(self, key: str) -> Version | None:
        """The object, or `None`; tried again when the store does not answer."""
        for pause in PAUSES:
            try:
                found = obstore.get(self._store, key)
                return Version(bytes(found.bytes()), found.meta["e_tag"], found.meta["version"])
            except TROUBLE as error:
                trouble = error
            if isinstance(trouble, FileNotFoundError) and not NO_BUCKET.search(str(trouble)):
                return None
            if isinstance(trouble, (FileNotFoundError, *NO_ACCESS)):
                break
            self._sleep(pause)
        raise self._error(trouble, "read", key)

    def put(self, key: str, data: bytes, seen: Version | None) -> Exception | Version:
        """Send one conditional write; what went wrong is returned, because it may have arrived all the same."""
        try:
            result = obstore.put(self._store, key, data, mode=_over(seen), use_multipart=False)
        except TROUBLE as error:
            return error
        return Version(data, result["e_tag"], result["version"])

    def swap(self, key: str, data: bytes, seen: Version | None) -> Version | None:
        """Put `data` over `seen` (`None`: over nothing) and return what lies there then.

        Somebody else's bytes mean that they were quicker, and nothing was overwritten. `data` must be unique.
        """
        for pause in PAUSES:
            outcome = self.put(key, data, seen)
            if isinstance(outcome, Version):
                return outcome
            there = self.get(key)
            if _bytes(there) != _bytes(seen):
                return there
            if isinstance(outcome, (FileNotFoundError, *NO_ACCESS)):
                break
            seen = there
            self._sleep(pause)
        raise self._error(outcome, "written", key)

    def accepts(self, key: str, intruder: bytes, *, over: Version | None, kept: bytes) -> bool:
        """Whether the store takes a write whose condition does not hold, where `kept` lies."""
        for pause in PAUSES:
            outcome = self.put(key, intruder, over)
            if isinstance(outcome, Version) or _bytes(self.get(key)) != kept:
                return True
            if isinstance(outcome, REFUSED):
                return False
            self._sleep(pause)
        raise self._error(outcome, "written", key)

    def delete(self, key: str) -> None:
        """Delete an object whose key nobody else uses; one that is gone already is fine."""
        for pause in PAUSES:
            try:
                obstore.delete(self._store, key)
            except FileNotFoundError:
                return
            except TROUBLE as error:
                trouble = error
            else:
                return
            if isinstance(trouble, NO_ACCESS):
                break
            self._sleep(pause)
        raise self._error(trouble, "deleted", key)

    def _error(self, trouble: object, done: str, key: str) -> ReconcilerError:
        what = f"{self._place.scheme}://{self._place.bucket}/{key} cannot be {done}"
        if isinstance(trouble, FileNotFoundError):
            bucket = self._place.bucket
            return ReconcilerError(f"{what}: there is no bucket {bucket}", "create it first, or mend the name")
        if isinstance(trouble, NO_ACCESS):
            return ReconcilerError(f"{what}: no permission", "docs/ledger.md lists the permissions that it takes")
        if isinstance(trouble, REFUSED):
            return ReconcilerError(f"{what}: the store refuses though nobody changed it", "run it again")
        hint = "check the network, and the endpoint, region and credentials in the environment"
        return ReconcilerError(f"{what}: the store is not reachable, or answers with an error", hint)


class RemoteStore:
    """A ledger in an object store, and the lock beside it (`<key>.lock`). For one thread at a time.

    `timeout` is seconds for one request; `sleep` makes the pauses between tries.
    """

    def __init__(
        self, url: str, *, timeout: float = REQUEST_TIMEOUT, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._place = parse(url)
        self._objects = Objects(self._place, timeout, sleep)
        self._lock_key = f"{self._place.key}.lock"
        self._seen: Version | None = None
        self._proven = False

    @property
    def name(self) -> str:
        """The URL."""
        return str(self._place)

    def read(self) -> bytes | None:
        """The bytes, or `None` when there are none yet; raises `ReconcilerError` when the store does not say."""
        self._seen = self._objects.get(self._place.key)
        return _bytes(self._seen)

    def write(self, data: bytes) -> None:
        """Replace the version that was read or written last; `data` must differ from all that ever lay there.

        Raises `LedgerConflict` when there is another version, `ReconcilerError` when the store does not take it.
        """
        there = self._objects.swap(self._place.key, data, self._seen)
        if _bytes(there) != data:
            hint = "run apply again: it reads the ledger anew"
            raise LedgerConflict(f"somebody else wrote the ledger {self.name} meanwhile", hint)
        self._seen = there

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock while the body runs; raises `LockHeld` when another apply does.

        When the lock cannot be released, a body that went well raises `ReconcilerError`; one that failed keeps its
        own exception, with a note that says so.
        """
        if not self._proven:
            _prove(self._objects, self._place)
            self._proven = True
        mine = lock_info()
        try:
            self._take(mine)
        except KeyboardInterrupt:
            with suppress(ReconcilerError):
                self._release(mine.id)
            raise
        try:
            yield
        except BaseException as error:
            try:
                self._let_go(mine)
            except ReconcilerError as left:
                error.add_note(f"{left.message}; {left.hint}")
            raise
        self._let_go(mine)

    def holder(self) -> LockInfo | None:
        """Who holds the lock now; raises `ReconcilerError` when the store does not say."""
        return self._holder(self._objects.get(self._lock_key))

    def unlock(self, lock_id: str) -> None:
        """Remove exactly that lock; raises `ReconcilerError` when it is another's, or there is none."""
        holder = self._release(lock_id)
        if holder is None:
            raise ReconcilerError(f"{self.name} is not locked")
        if holder.id != lock_id:
            raise ReconcilerError(f"{self.name} is locked by another: {_signature(holder)}", "nothing was removed")

    def _take(self, mine: LockInfo) -> None:
        ours = json.dumps(asdict(mine)).encode()
        there = self._objects.get(self._lock_key)
        for _ in PAUSES:
            if holder := self._holder(there):
                hint = f"wait until that apply is over; if it died: reconciler ledger unlock --id {holder.id}"
                raise LockHeld(f"{self.name} is locked by {_signature(holder)}", hint, holder)
            try:
                there = self._objects.swap(self._lock_key, ours, there)
            except ReconcilerError as error:
                raise ReconcilerError(error.message, f"{error.hint}; {_leftover(mine)}") from None
            if _bytes(there) == ours:
                return
        raise LockHeld(f"{self.name} is locked by one apply after the other", "wait until they are over")

    def _let_go(self, mine: LockInfo) -> None:
        try:
            holder = self._release(mine.id)
        except ReconcilerError as error:
            raise ReconcilerError(f"the lock was not released: {error.message}", _leftover(mine)) from None
        if holder is None or holder.id != mine.id:
            hint = "two applies may have run at once: look at the plan of the next one"
            raise ReconcilerError(f"somebody removed the lock of {self.name} while this apply ran", hint)

    def _release(self, lock_id: str) -> LockInfo | None:
        """Swap exactly that lock for a note that it is free; returns who held it at that moment."""
        there = self._objects.get(self._lock_key)
        holder = self._holder(there)
        if holder is None or holder.id != lock_id:
            return holder
        free = json.dumps({"released": lock_id, "by": secrets.token_hex(8)}).encode()
        there = self._objects.swap(self._lock_key, free, there)
        return holder if _bytes(there) == free else self._holder(there)

    def _holder(self, there: Version | None) -> LockInfo | None:
        if there is None:
            return None
        try:
            note = json.loads(there.data)
            if isinstance(note, dict) and "released" in note:
                return None
            info = LockInfo(**note)
            if not all(isinstance(part, str) for part in asdict(info).values()):
                raise TypeError
        except (ValueError, TypeError):
            hint = "make sure that no apply is running, then delete it by hand"
            raise ReconcilerError(f"{self.name}.lock holds something that is no lock", hint) from None
        return info


def _signature(holder: LockInfo) -> str:
    return f"{holder.who} since {holder.since} (id {holder.id})"


def _leftover(mine: LockInfo) -> str:
    return f"if the lock stays behind: reconciler ledger unlock --id {mine.id}"


def _prove(objects: Objects, place: ObjectPlace) -> None:
    """Try the store's conditions on a probe of our own; raises `ReconcilerError` when it does not keep them."""
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
        _unfit(place, "does not show what was just written")
    if objects.accepts(key, intruder, over=None, kept=first):
        _unfit(place, "overwrites an object that must only be created")
    if _bytes(objects.swap(key, second, one)) != second:
        _unfit(place, "does not replace the version that it is told to")
    if objects.accepts(key, intruder, over=one, kept=second):
        _unfit(place, "overwrites an object that has changed since")


def _unfit(place: ObjectPlace, does: str) -> NoReturn:
    hint = "use another object store, or a ledger on disk"
    raise ReconcilerError(f"{place.scheme}://{place.bucket} cannot hold a lock: it {does}", hint)


def _open(place: ObjectPlace, timeout: float) -> AzureStore | GCSStore | S3Store:
    # As configuration and not as client options: those would switch off what the environment says (AWS_ALLOW_HTTP …).
    limits: Any = {"connect_timeout": f"{CONNECT_TIMEOUT:.0f}s", "timeout": f"{timeout * 1000:.0f}ms"}
    # A retry that follows a lost success reads as a defeat; `Objects` tries again itself and looks first.
    once: RetryConfig = {"max_retries": 0, "retry_timeout": timedelta(seconds=timeout)}
    try:
        match place.scheme:
            case "s3":
                limits |= {"conditional_put": "etag", "disable_bulk_delete": "true"}
                return S3Store(place.bucket, config=limits, retry_config=once)
            case "gs":
                return GCSStore(place.bucket, config=limits, retry_config=once)
            case _:
                return AzureStore(place.bucket, config=limits, retry_config=once)
    except TROUBLE:
        hint = "docs/ledger.md lists the variables for credentials, region and endpoint"
        message = f"the environment does not tell how to reach {place.scheme}://{place.bucket}"
        raise ReconcilerError(message, hint) from None


def _over(seen: Version | None) -> PutMode:
    if seen is None:
        return "create"
    # The library wants no key rather than None: S3 and Azure go by the tag, Google by the number.
    mode: UpdateVersion = {}
    if seen.e_tag is not None:
        mode["e_tag"] = seen.e_tag
    if seen.number is not None:
        mode["version"] = seen.number
    return mode


def _bytes(version: Version | None) -> bytes | None:
    return version.data if version else None
