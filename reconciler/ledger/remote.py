"""The ledger in a remote store, and its lock: written once, for object stores and git branches alike.

Everything rests on `SwapStore.swap`, which replaces the version that was seen and no other. Each write is unique, so
that after a lost answer one read tells whether it arrived. The lock is never deleted but swapped for a note that it is
free: a delete has no condition, and one that arrives late would take the lock from the next holder.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Final

from reconciler.core.model.ledger import LockInfo
from reconciler.core.model.message import Text, joined, text
from reconciler.errors import LedgerConflict, LockHeld, ReconcilerError
from reconciler.ledger.ledger import NO_OBJECTS, Objects, next_name
from reconciler.ledger.lock import lock_info
from reconciler.ledger.swap_store import CREDENTIALS, LEDGER, LOCK, Change, SwapStore, Version, content_of

TRIES: Final = 3
"""How often the lock is tried for when it changes hands under our eyes."""


class RemoteStore:
    """A ledger in a remote store, and what lies beside it: the lock, the open calls of the last run, credentials.

    For one thread at a time.
    """

    def __init__(self, store: SwapStore) -> None:
        self._store = store
        self._seen: dict[str, Version | None] = {}
        self._proved = False
        self._own_credentials = ""

    @property
    def name(self) -> str:
        """The place, as `--ledger` names it."""
        return str(self._store)

    @property
    def own_credentials(self) -> str:
        """The object for the credentials of this process, which must hold the lock: a later one than all there are.

        Raises:
            ReconcilerError: the store does not answer, or refuses.
        """
        if not self._own_credentials:
            self._own_credentials = next_name(self, CREDENTIALS, ".age")
        return self._own_credentials

    @property
    def credentials_before_own(self) -> str:
        """The object right before that, for what an earlier run of this machine could not store any more.

        Raises:
            ReconcilerError: the store does not answer, or refuses.
        """
        number, _, rest = self.own_credentials.partition("-")
        return f"{number}-0-{rest}"

    @property
    def remote(self) -> bool:
        """It outlives this machine."""
        return True

    def read(self) -> bytes | None:
        """The bytes, or `None` when there are none yet.

        Raises:
            ReconcilerError: the store does not answer, or refuses.
        """
        return self.read_beside(LEDGER)

    def read_beside(self, name: str) -> bytes | None:
        """The bytes of another object, or `None` when there are none.

        Raises:
            ReconcilerError: the store does not answer, or refuses.
        """
        self._seen[name] = self._store.get(name)
        return content_of(self._seen[name])

    def check_rights(self) -> None:
        """Refuse a store that may not be written, as far as can be told without writing.

        Raises:
            ReconcilerError: it may not.
        """
        self._store.check_rights()

    def names(self, folder: str) -> list[str]:
        """The names of all objects in a folder, in their order.

        Raises:
            ReconcilerError: the store does not answer, or refuses.
        """
        return self._store.names(folder)

    def write(self, data: bytes, before: Objects = NO_OBJECTS, after: Objects = NO_OBJECTS) -> None:
        """Replace the versions that were read or written last; `data` must differ from every earlier version.

        Raises:
            LedgerConflict: somebody else has written another version.
            ReconcilerError: the store does not answer, or refuses.
        """
        self._write([*before.items(), (LEDGER, data), *after.items()])

    def read_listed(self, name: str) -> bytes | None:
        """The bytes of an object that `names` has named, as of then where the store knows them already.

        Raises:
            ReconcilerError: the store does not answer, or refuses.
        """
        return content_of(self._store.peek(name))

    def write_beside(self, name: str, data: bytes) -> None:
        """Replace the version of another object that was read or written last.

        Raises:
            LedgerConflict: somebody else has written another version.
            ReconcilerError: the store does not answer, or refuses.
        """
        self._write([(name, data)])

    def _write(self, pieces: Sequence[tuple[str, bytes]]) -> None:
        changes = [Change(name, content, self._seen.get(name)) for name, content in pieces]
        for change, version in zip(changes, self._store.swap(changes), strict=False):
            if content_of(version) != change.data:
                hint = text("run apply again: it reads the ledger anew")
                raise LedgerConflict(
                    "ledger-conflict", text("somebody else wrote the ledger {name} meanwhile", name=self.name), hint
                )
            self._seen[change.name] = version

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock while the body runs. If the release fails too, a failed body's exception gets a note.

        Raises:
            LockHeld: another apply holds the lock.
            ReconcilerError: the store cannot hold a lock, or the lock cannot be released after a successful body.
        """
        if not self._proved:
            self._store.prove()
            self._proved = True
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
        return self._holder(self._store.get(LOCK))

    def unlock(self, lock_id: str) -> None:
        """Remove the lock with this id.

        Raises:
            ReconcilerError: there is no lock, or another one, or the store does not answer.
        """
        holder = self._release(lock_id)
        if holder is None:
            raise ReconcilerError("not-locked", text("{name} is not locked", name=self.name))
        if holder.id != lock_id:
            raise ReconcilerError(
                "locked",
                text("{name} is locked by another: {holder}", name=self.name, holder=_signature(holder)),
                text("nothing was removed"),
            )

    def close(self) -> None:
        """Remove what is kept on this machine while the store is in use."""
        self._store.close()

    def _swap(self, name: str, data: bytes, seen: Version | None) -> Version | None:
        return self._store.swap([Change(name, data, seen)])[-1]

    def _take(self, own_lock: LockInfo) -> None:
        lock_bytes = json.dumps(asdict(own_lock)).encode()
        current = self._store.get(LOCK)
        for _ in range(TRIES):
            if holder := self._holder(current):
                hint = text(
                    "wait until that apply is over; if it died: reconciler ledger unlock --id {id}", id=holder.id
                )
                raise LockHeld(
                    "locked",
                    text("{name} is locked by {holder}", name=self.name, holder=_signature(holder)),
                    hint,
                    holder,
                )
            try:
                current = self._swap(LOCK, lock_bytes, current)
            except ReconcilerError as error:
                raise ReconcilerError(
                    error.code,
                    error.message,
                    joined((error.hint, _unlock_hint(own_lock))),
                ) from None
            if content_of(current) == lock_bytes:
                return
        raise LockHeld(
            "locked",
            text("{name} is locked by one apply after the other", name=self.name),
            text("wait until they are over"),
        )

    def _release_own(self, own_lock: LockInfo) -> None:
        try:
            holder = self._release(own_lock.id)
        except ReconcilerError as error:
            raise ReconcilerError(
                "lock-left", text("the lock was not released: {message}", message=error.message), _unlock_hint(own_lock)
            ) from None
        if holder is None or holder.id != own_lock.id:
            hint = text("two applies may have run at once: look at the plan of the next one")
            raise ReconcilerError(
                "lock-lost", text("somebody removed the lock of {name} while this apply ran", name=self.name), hint
            )

    def _release(self, lock_id: str) -> LockInfo | None:
        """Swap the lock with this id for a note that it is free. Returns who held the lock at that moment."""
        current = self._store.get(LOCK)
        holder = self._holder(current)
        if holder is None or holder.id != lock_id:
            return holder
        free = json.dumps({"released": lock_id, "by": secrets.token_hex(8)}).encode()
        current = self._swap(LOCK, free, current)
        return holder if content_of(current) == free else self._holder(current)

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
            hint = text("make sure that no apply is running, then delete it by hand")
            raise ReconcilerError(
                "bad-lock", text("the lock of {name} holds something that is no lock", name=self.name), hint
            ) from None
        return info


def _signature(holder: LockInfo) -> Text:
    return text("{who} since {since} (id {id})", who=holder.who, since=holder.since, id=holder.id)


def _unlock_hint(own_lock: LockInfo) -> Text:
    return text("if the lock stays behind: reconciler ledger unlock --id {id}", id=own_lock.id)
