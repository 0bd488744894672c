"""Moves books to another endpoint or company on purpose: the same vendor at a new address, a company's new name."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from reconciler.core.model.address import is_rehearsal, same_endpoint
from reconciler.core.model.desired import Company
from reconciler.core.model.message import text
from reconciler.errors import ReconcilerError, WrongUsage, unwritable
from reconciler.files.private import private_folder
from reconciler.ledger.books import remote_run
from reconciler.ledger.journal import Journal, last_run, open_part
from reconciler.ledger.ledger import read_ledger
from reconciler.ledger.on_disk import LEDGER, LocalStore
from reconciler.ledger.place import BooksPlace
from reconciler.ledger.swap_store import RUN


@dataclass(frozen=True, slots=True)
class Rebound:
    """What was rebound: `name` is the ledger's; company and endpoint before are empty where the books knew none."""

    name: str
    company: str
    endpoint: str


def rebind(place: BooksPlace, company: Company) -> Rebound:
    """Say in ledger and journal that they are about this company's agents at the place's endpoint.

    Books in the folder of another endpoint are moved to the folder of this one first.

    Raises:
        WrongUsage: nobody says which books are meant, and several vendors have some.
        LockHeld: an apply is at work with them.
        ReconcilerError: there are none, or they cannot be read or written.
    """
    if not place.named:
        _move_folder(place)
    with closing(place.store()) as store, store.lock():
        if place.remote:
            _move_journal(place)
        ledger, run = read_ledger(store, company), last_run(place.journal)
        if not ledger.serial and run is None:
            raise ReconcilerError(
                "no-books",
                text("there are no books to rebind: {name} is not there", name=store.name),
                text("the first apply makes them"),
            )
        before = Rebound(store.name, ledger.company.abbreviate, ledger.endpoint)
        # The journal first: if the ledger cannot be written then, the books disagree, and the next try goes on.
        if run is not None:
            try:
                Journal(place.journal).rebind(company.abbreviate, place.endpoint)
            except OSError as error:
                hint = text("mend that, and rebind again")
                raise unwritable(text("the journal {journal}", journal=place.journal), error, hint) from None
        if ledger.serial:
            if not same_endpoint(ledger.endpoint, place.endpoint):
                # Another address may number its agents anew.
                ledger.update(
                    {id_: replace(entry, vendor_id=None, created=None) for id_, entry in ledger.entries.items()}
                )
            ledger.company, ledger.endpoint = company, place.endpoint
            there = remote_run(store)
            if there is not None:
                there = replace(there, company=company.abbreviate, endpoint=place.endpoint, serial=ledger.serial + 1)
            # Still the work of that run, whose journal goes with it.
            ledger.save(ledger.run, after={RUN: open_part(there)} if there else {})
        if run is not None and not before.endpoint:
            before = replace(before, endpoint=run.endpoint)
        return before


def _move_folder(place: BooksPlace) -> None:
    """Where the endpoint's folder has no books, move those of the only other vendor there."""
    if (folder := _other_folder(place)) is None:
        return
    try:
        with LocalStore(folder / LEDGER).lock():
            with suppress(OSError):  # an empty one is in the way
                place.own_folder.rmdir()
            folder.rename(place.own_folder)
        (place.own_folder / f"{LEDGER}.holder").unlink(missing_ok=True)
    except OSError as error:
        raise _not_moved(folder, place, error) from None


def _move_journal(place: BooksPlace) -> None:
    """The same for the journal of a remote ledger."""
    if (folder := _other_folder(place)) is None:
        return
    try:
        (folder / place.journal.name).rename(private_folder(place.own_folder) / place.journal.name)
    except OSError as error:
        raise _not_moved(folder, place, error) from None


def _not_moved(folder: Path, place: BooksPlace, error: OSError) -> ReconcilerError:
    message = text(
        "the books in {folder} cannot be moved to {own_folder}: {why}",
        folder=folder,
        own_folder=place.own_folder,
        why=error.strerror,
    )
    return ReconcilerError("cannot-move", message, text("move them by hand, and rebind again"))


def _other_folder(place: BooksPlace) -> Path | None:
    """The only other vendor's folder, where the endpoint's own has no books.

    A sandbox's books go to a sandbox only, and a real vendor's to a real one.
    """
    if place.folder in (*place.folders(), place.base):
        return None
    rehearsal = is_rehearsal(place.endpoint)
    others = [folder for folder in place.folders() if is_rehearsal(_endpoint_of(folder, place)) == rehearsal]
    if len(others) > 1:
        names = ", ".join(folder.name for folder in others)
        hint = text(
            "move the ones that are meant to {own_folder} by hand, and rebind again", own_folder=place.own_folder
        )
        raise WrongUsage(
            "several-ledgers",
            text("{base} has the books of several vendors: {names}", base=place.base, names=names),
            hint,
        )
    return others[0] if others else None


def _endpoint_of(folder: Path, place: BooksPlace) -> str:
    """The endpoint of the books in a folder: as they say, else by the folder's name."""
    run = last_run(folder / place.journal.name)
    said = run.endpoint if run else ""
    if not place.remote and (folder / LEDGER).exists():
        said = read_ledger(LocalStore(folder / LEDGER), Company("")).endpoint
    return said or f"http://{folder.name.partition('_')[0]}"
