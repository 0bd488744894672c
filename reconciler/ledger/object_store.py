"""Books in an object store: S3, Google Cloud Storage or Azure Blob Storage, through the library obstore.

The ledger is the object that the URL names. Other objects lie beside it, under its key and their own name.

Importing this module raises `ReconcilerError` when the extra `remote` is not installed.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

from reconciler.core.model.message import Text, text
from reconciler.errors import ReconcilerError
from reconciler.ledger.bucket import REQUEST_TIMEOUT, ObjectPlace, Objects, parse_url
from reconciler.ledger.swap_store import LEDGER, Change, Version, content_of
from reconciler.settings import DIRECT, Network


class ObjectStore:
    """A `SwapStore` in a bucket. It replaces one object after the other, the last change last.

    `timeout` is the seconds for one request; `sleep` waits between attempts.

    Raises:
        ReconcilerError: the URL (`WrongUsage`) or the environment does not tell how to reach the store.
    """

    def __init__(
        self,
        url: str,
        network: Network = DIRECT,
        *,
        timeout: float = REQUEST_TIMEOUT,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._place = parse_url(url)
        self._objects = Objects(self._place, timeout, sleep, network)

    def __str__(self) -> str:
        return str(self._place)

    def prove(self) -> None:
        """Test on an object of our own that the store honours conditional writes.

        Raises:
            ReconcilerError: it does not, or does not answer.
        """
        _probe(self._objects, self._place)

    def get(self, name: str) -> Version | None:
        """The object, or `None` when there is none.

        Raises:
            ReconcilerError: the store does not answer, or refuses.
        """
        return self._objects.get(self._key(name))

    def swap(self, changes: Sequence[Change]) -> list[Version | None]:
        """Make the changes one by one, up to the first that finds another version.

        Raises:
            ReconcilerError: the store does not answer, or refuses.
        """
        versions: list[Version | None] = []
        for change in changes:
            versions.append(self._objects.swap(self._key(change.name), change.data, change.seen))
            if content_of(versions[-1]) != change.data:
                break
        return versions

    def check_rights(self) -> None:
        """Nothing can be told without writing."""

    def peek(self, name: str) -> Version | None:
        """The object, or `None` when there is none; nothing of it is kept here.

        Raises:
            ReconcilerError: the store does not answer, or refuses.
        """
        return self.get(name)

    def names(self, folder: str) -> list[str]:
        """The names of all objects in a folder, in their order.

        Raises:
            ReconcilerError: the store does not answer, or refuses.
        """
        prefix = self._key("")
        return sorted(key.removeprefix(prefix) for key in self._objects.keys(f"{prefix}{folder}/"))

    def close(self) -> None:
        """Nothing is kept on this machine."""

    def _key(self, name: str) -> str:
        return self._place.key if name == LEDGER else f"{self._place.key}.{name}"


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
    if content_of(one) != first:
        _refuse_store(place, text("does not show what was just written"))
    if objects.accepts(key, intruder, over=None, kept=first):
        _refuse_store(place, text("overwrites an object that must only be created"))
    if content_of(objects.swap(key, second, one)) != second:
        _refuse_store(place, text("does not replace the version that it is told to"))
    if objects.accepts(key, intruder, over=one, kept=second):
        _refuse_store(place, text("overwrites an object that has changed since"))


def _refuse_store(place: ObjectPlace, does: Text) -> NoReturn:
    hint = text("use another object store, or a ledger on disk")
    raise ReconcilerError(
        "cannot-lock",
        text("{scheme}://{bucket} cannot hold a lock: it {does}", scheme=place.scheme, bucket=place.bucket, does=does),
        hint,
    )
