"""The live agents, or a sheet's, merged into a file that people keep: what need not change stays, to the letter.

Only the agents and pools that change are written anew, where they stand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from reconciler.core.desired.read import ParsedFiles, parse_files
from reconciler.core.model.live import LiveState
from reconciler.edit.live import Todo, todo
from reconciler.edit.patch import patched
from reconciler.edit.sheet import Said, overlaid, taking_more, todo_of_sheet
from reconciler.edit.tree import comments
from reconciler.errors import InvalidFiles, ReconcilerError

_BOM: Final = b"\xef\xbb\xbf"
_ROUNDS: Final = 50
"""An agent that others merge from changes what these resolve to, and each round sets one more value outright at least.

Between the rounds two agents may seem to want one SIP number.
"""


def merge_live(file: str, data: bytes, live: LiveState) -> bytes:
    """The file's bytes, changed so that its plan against `live` is empty in every field that the file manages.

    Agents take on the live values that differ, those no longer live are removed with the comments that are theirs
    alone, and those that are missing stand sorted at the end of `agents`. An agent of a pool that differs from it
    becomes one of its own. A value that no file can ask for stays as it was. Raises `InvalidFiles` for a file with
    problems and `ReconcilerError` where the outcome would be none that can be read.
    """
    return _merged(file, data, lambda reading: todo(reading, live), "the live agents")


def merge_sheet(file: str, data: bytes, said: Said) -> bytes:
    """The file's bytes, changed so that every agent has the values that the sheet says of it; raises as `merge_live`.

    New agents stand at the end of `agents`, in the sheet's order. Nobody is removed.
    """
    before = _good(file, data)
    wanted = overlaid(before, said)
    merged = _merged(file, data, lambda reading: todo_of_sheet(reading, wanted), "the sheet")
    if odd := taking_more(_good(file, merged), wanted, before):
        raise _failed("the sheet", file, f"agent {odd} takes values from another one by an alias")
    return merged


def _good(file: str, data: bytes) -> ParsedFiles:
    reading = parse_files(((file, data),))
    if reading.problems:
        raise InvalidFiles(reading.problems)
    return reading


def _merged(file: str, data: bytes, compare: Callable[[ParsedFiles], Todo], what: str) -> bytes:
    text = data.removeprefix(_BOM)
    windows = text.count(b"\r\n") == text.count(b"\n") > 0
    kept: Counter[str] | None = None
    for _ in range(_ROUNDS):
        reading = parse_files(((file, text),))
        if reading.problems and kept is None:
            raise InvalidFiles(reading.problems)
        if not reading.documents or not (work := compare(reading)):
            break
        changed, dropped = patched(reading.documents[0].text, work)
        kept = (kept or Counter(comments(reading.documents[0].text))) - dropped
        text = changed.encode()
    else:
        raise _failed(what, file, "aliases change it back")
    if kept is None:
        return data
    if reading.problems:
        raise _failed(what, file, reading.problems[0].message)
    if kept - Counter(comments(text.decode())):
        raise _failed(what, file, "a comment would be lost")
    return _BOM * data.startswith(_BOM) + (text.replace(b"\n", b"\r\n") if windows else text)


def _failed(what: str, file: str, why: str) -> ReconcilerError:
    return ReconcilerError(f"{what} cannot be merged into {file}: {why}", "it is left as it is")
