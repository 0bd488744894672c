"""Live agents, or a sheet's, merged into a file that people edit: what need not change stays, to the letter.

Only the agents and pools that change are written anew, in their places.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from reconciler.core.desired.read import ParsedFiles, parse_files
from reconciler.core.model.live import LiveState
from reconciler.core.model.message import Text, joined, text
from reconciler.edit.comments import comments_of
from reconciler.edit.live import FileChanges, changes_for_live
from reconciler.edit.patch import apply_changes
from reconciler.edit.sheet import SheetValues, agent_managing_more, changes_for_sheet, managed_values, with_sheet_values
from reconciler.errors import ReconcilerError

_BOM: Final = b"\xef\xbb\xbf"
_ROUNDS: Final = 50
"""How often the file is compared and changed again: a changed anchor also changes the agents that merge from it.

Each round sets at least one more value outright. Between two rounds two agents may ask for the same SIP number.
"""


@dataclass(frozen=True, slots=True)
class Merged:
    """A file's bytes after a merge, and what it said `before` and says `after`. Both are without problems."""

    data: bytes
    before: ParsedFiles
    after: ParsedFiles


def merge_live(before: ParsedFiles, live: LiveState) -> Merged:
    """A file without problems, changed so that its plan against `live` is empty in every field that it manages.

    Agents take the live values that differ. Agents that are no longer live are removed, with the comments that are
    theirs alone. Agents that the file lacks are added at the end of `agents`, sorted by id. An agent that differs from
    its pool leaves the pool for `agents`. A live value that no file can express is not taken.

    Raises:
        ReconcilerError: the merged file would be unreadable, or would lose a comment.
    """
    return _merged(before, lambda reading: changes_for_live(reading, live), text("the live agents"))


def merge_sheet(before: ParsedFiles, sheet: SheetValues) -> Merged:
    """A file without problems, changed so that every agent has the values that the sheet gives it.

    New agents are added at the end of `agents`, in the sheet's order. No agent is removed.

    Raises:
        ReconcilerError: the merged file would be unreadable, or would lose a comment.
    """
    in_file = managed_values(before)
    wanted = with_sheet_values(in_file, sheet)

    def compare(reading: ParsedFiles) -> FileChanges:
        return changes_for_sheet(reading, in_file if reading is before else managed_values(reading), wanted)

    source = text("the sheet")
    merged = _merged(before, compare, source)
    if operator_id := agent_managing_more(merged.after, wanted, before):
        file = before.documents[0].file
        raise _failed(source, file, text("agent {id} takes values from another one by an alias", id=operator_id))
    return merged


def _merged(before: ParsedFiles, compare: Callable[[ParsedFiles], FileChanges], source: Text) -> Merged:
    (document,) = before.documents
    file, data = document.file, document.data
    reading = before
    kept_comments: Counter[str] | None = None
    for _ in range(_ROUNDS):
        if not reading.documents or not (changes := compare(reading)):
            break
        changed, dropped = apply_changes(reading.documents[0], changes)
        kept_comments = (Counter(comments_of(document)) if kept_comments is None else kept_comments) - dropped
        reading = parse_files(((file, changed.encode()),))
    else:
        raise _failed(source, file, text("aliases change it back"))
    if kept_comments is None:
        return Merged(data, before, before)
    if reading.problems:
        problem = reading.problems[0]
        raise _failed(source, file, joined([each for each in (problem.message, problem.hint) if each]))
    (after,) = reading.documents
    if kept_comments - Counter(comments_of(after)):
        raise _failed(source, file, text("a comment would be lost"))
    return Merged(with_ends_of(data, after.data), before, reading)


def with_ends_of(before: bytes, after: bytes) -> bytes:
    """The bytes with the line ends and the byte order mark of the file as it was."""
    windows_lines = before.count(b"\r\n") == before.count(b"\n") > 0
    return _BOM * before.startswith(_BOM) + (after.replace(b"\n", b"\r\n") if windows_lines else after)


def _failed(source: Text, file: str, reason: Text) -> ReconcilerError:
    return ReconcilerError(
        "cannot-edit",
        text("{source} cannot be merged into {file}: {reason}", source=source, file=file, reason=reason),
        text("it is left as it is"),
    )
