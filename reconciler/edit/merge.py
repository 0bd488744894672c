"""Live agents, or a sheet's, merged into a file that people edit: what need not change stays, to the letter.

Only the agents and pools that change are written anew, in their places.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from reconciler.core.desired.read import ParsedFiles, parse_files
from reconciler.core.model.live import LiveState
from reconciler.edit.comments import comments
from reconciler.edit.live import FileChanges, changes_for_live
from reconciler.edit.patch import apply_changes
from reconciler.edit.sheet import SheetValues, agent_managing_more, changes_for_sheet, with_sheet_values
from reconciler.errors import InvalidFiles, ReconcilerError

_BOM: Final = b"\xef\xbb\xbf"
_ROUNDS: Final = 50
"""How often the file is compared and changed again: a changed anchor also changes the agents that merge from it.

Each round sets at least one more value outright. Between two rounds two agents may ask for the same SIP number.
"""


def merge_live(file: str, data: bytes, live: LiveState) -> bytes:
    """The file's bytes, changed so that its plan against `live` is empty in every field that the file manages.

    Agents take the live values that differ. Agents that are no longer live are removed, with the comments that are
    theirs alone. Agents that the file lacks are added at the end of `agents`, sorted by id. An agent that differs from
    its pool leaves the pool for `agents`. A live value that no file can express is not taken.

    Raises:
        InvalidFiles: the file has problems; carries them all.
        ReconcilerError: the merged file would be unreadable, or would lose a comment.
    """
    return _merged(file, data, lambda reading: changes_for_live(reading, live), "the live agents")


def merge_sheet(file: str, data: bytes, sheet: SheetValues) -> bytes:
    """The file's bytes, changed so that every agent has the values that the sheet gives it.

    New agents are added at the end of `agents`, in the sheet's order. No agent is removed.

    Raises:
        InvalidFiles: the file has problems; carries them all.
        ReconcilerError: the merged file would be unreadable, or would lose a comment.
    """
    before = _parsed(file, data)
    wanted = with_sheet_values(before, sheet)
    merged = _merged(file, data, lambda reading: changes_for_sheet(reading, wanted), "the sheet")
    if operator_id := agent_managing_more(_parsed(file, merged), wanted, before):
        raise _failed("the sheet", file, f"agent {operator_id} takes values from another one by an alias")
    return merged


def _parsed(file: str, data: bytes) -> ParsedFiles:
    reading = parse_files(((file, data),))
    if reading.problems:
        raise InvalidFiles(reading.problems)
    return reading


def _merged(file: str, data: bytes, compare: Callable[[ParsedFiles], FileChanges], source: str) -> bytes:
    text = data.removeprefix(_BOM)
    windows_lines = text.count(b"\r\n") == text.count(b"\n") > 0
    kept_comments: Counter[str] | None = None
    for _ in range(_ROUNDS):
        reading = parse_files(((file, text),))
        if reading.problems and kept_comments is None:
            raise InvalidFiles(reading.problems)
        if not reading.documents or not (changes := compare(reading)):
            break
        changed, dropped = apply_changes(reading.documents[0].text, changes)
        kept_comments = (kept_comments or Counter(comments(reading.documents[0].text))) - dropped
        text = changed.encode()
    else:
        raise _failed(source, file, "aliases change it back")
    if kept_comments is None:
        return data
    if reading.problems:
        problem = reading.problems[0]
        raise _failed(source, file, "; ".join(filter(None, (problem.message, problem.hint))))
    if kept_comments - Counter(comments(text.decode())):
        raise _failed(source, file, "a comment would be lost")
    return _BOM * data.startswith(_BOM) + (text.replace(b"\n", b"\r\n") if windows_lines else text)


def _failed(source: str, file: str, reason: str) -> ReconcilerError:
    return ReconcilerError(f"{source} cannot be merged into {file}: {reason}", "it is left as it is")
