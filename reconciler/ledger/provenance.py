"""Books that a change of the files may have brought are refused, before anything is read from them.

Whoever may propose a change can commit a ledger that makes a plan set passwords anew or give back what nobody had, or a
link that leads new passwords into a folder which others read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from reconciler.core.model.message import text
from reconciler.errors import Declined
from reconciler.files.tracked import tracked
from reconciler.ledger.place import BooksPlace

_TAKE_OUT: Final = text(
    "take them out with git rm --cached, and name another place with --ledger if others need them; nothing was read"
)
_NO_LINK: Final = text("put a folder in its place, or name the ledger's file with --ledger; nothing was read")


def refuse_brought(place: BooksPlace) -> None:
    """Check that neither git nor a link has brought the books of this place. None of them is read.

    Raises:
        Declined: a part of the default folder is a link, or git tracks books or a link on the way, or cannot say.
    """
    if place.named and not place.remote:
        refuse_tracked([place.ledger, place.journal, place.ledger.with_name(f"{place.ledger.name}.lock")])
        return
    for part in _folders(place.base):
        if part.is_symlink():
            raise Declined(
                "untrusted-books", text("{part} is a link, and books are not kept behind one", part=part), _NO_LINK
            )
    refuse_tracked([place.base])


def _folders(base: Path) -> Iterator[Path]:
    """The default folder, those of the vendors in it, and those in these; a link is not followed."""
    yield base
    for depth in ("*", "*/*"):
        yield from (each for each in sorted(base.glob(depth)) if each.is_dir())


def refuse_tracked(paths: Iterable[Path]) -> None:
    """Check that git tracks none of these, nothing below them, and no link on the way to them.

    Raises:
        Declined: it does, or cannot say.
    """
    for path in paths:
        for link in (parent for parent in path.parents if parent.is_symlink()):
            _refuse(link)
        if os.path.lexists(path):
            _refuse(path)
        if path.is_symlink():
            _refuse(Path(os.path.realpath(path)))


def _refuse(path: Path) -> None:
    names = [name for name in tracked(path) if Path(name).name != ".gitignore"]
    if names:
        what = text("{path}", path=path.parent / names[0])
        if len(names) > 1:
            what = text("{path} and {more} other {more:file|files}", path=what, more=len(names) - 1)
        message = text("git tracks {what}: books are not taken from what a change can bring", what=what)
        raise Declined("untrusted-books", message, _TAKE_OUT)
