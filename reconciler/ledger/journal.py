"""The journal: an intent on disk before each write, its outcome after it. It keeps the last run, and holds no secret.

One JSON object a line. A line that a kill or a full disk tore in two counts as not written: an intent that was not
written was not sent, and a call without an outcome is looked up.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from reconciler.core.model.fields import BY_NAME
from reconciler.errors import ReconcilerError
from reconciler.files.private import private_folder, replace_file

if TYPE_CHECKING:
    from reconciler.core.model.outcome import Event, Intent

FORMAT: Final = "reconciler.journal/1"


@dataclass(frozen=True, slots=True)
class JournaledCall:
    """What became of one call, or of one part of a delete list; `known`: the ledger was saved since."""

    intent: Intent
    message: str = ""
    known: bool = False

    @property
    def settled(self) -> bool:
        """Whether it is known if the call was carried out."""
        return self.intent.outcome not in (None, "lost")


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run as its journal tells it. `lineage` and `serial` name the ledger as the run last saved it."""

    id: str
    started: str
    company: str
    planned: int
    credentials: str
    lineage: str
    serial: int
    calls: tuple[JournaledCall, ...] = ()
    recovered: bool = False
    ended: str = ""

    @property
    def open_intents(self) -> tuple[Intent, ...]:
        """The calls that the ledger may not know of, and those of which nobody knows how they ended."""
        return tuple(kept.intent for kept in self.calls if not self.recovered and not (kept.known and kept.settled))


@dataclass(slots=True)
class Journal:
    """The journal of the run that is going on. Every method raises `OSError` when the disk will not take it."""

    path: Path
    _stream: IO[bytes] | None = None
    _count: int = field(default=0)

    def begin(self, run: RunRecord) -> None:
        """Start anew: the last run's journal is replaced."""
        private_folder(self.path.parent)
        head = {
            "format": FORMAT, "run": run.id, "started": run.started, "company": run.company, "planned": run.planned,
            "credentials": run.credentials, "lineage": run.lineage, "serial": run.serial,
        }  # fmt: skip
        replace_file(self.path, _line(head))
        self._stream = self.path.open("ab", buffering=0)

    def intend(self, intent: Intent) -> int:
        """Note what is about to be sent; it is on disk when this returns. The number names it in `over`."""
        fields = {**intent.fields}
        line = {"intent": intent.kind, "operatorIds": list(intent.operator_ids), "fields": fields}
        version = {} if intent.password_version is None else {"passwordVersion": intent.password_version}
        to_restore = {"owes": {**intent.to_restore}} if intent.to_restore else {}
        vendor = {"vendorPassword": True} if intent.vendor_password else {}
        self._write({"n": self._count, **line, **version, **to_restore, **vendor}, sync=True)
        self._count += 1
        return self._count - 1

    def over(self, number: int, event: Event) -> None:
        """Note how it ended. Losing this line loses nothing: the call is then looked up."""
        ids = list(event.call.operator_ids)
        self._write({"n": number, "operatorIds": ids, "outcome": event.outcome, "message": event.message})

    def saved(self, serial: int, *, settled: bool) -> None:
        """Note that the ledger now knows every outcome up to here, and with `settled` that none is unknown any more."""
        self._write({"saved": serial, "settled": settled}, sync=True)

    def end(self, how: str) -> None:
        """Close the run's account."""
        self._write({"ended": how})

    def resume(self) -> None:
        """Go on with the journal that is there, to note that its run was recovered."""
        self._stream = self.path.open("ab", buffering=0)
        self._stream.write(b"\n")  # what was torn must not swallow what comes now

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _write(self, line: dict[str, Any], *, sync: bool = False) -> None:
        if self._stream is None:
            return
        data = _line(line)
        if self._stream.write(data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if sync:
            os.fsync(self._stream.fileno())


def _line(value: dict[str, Any]) -> bytes:
    return (json.dumps(value) + "\n").encode()


def last_run(path: Path) -> RunRecord | None:
    """The run that the journal tells of, `None` when there is none; raises `ReconcilerError` for a damaged one."""
    try:
        lines = list(_lines(path.read_bytes()))
        return _run(lines) if lines else None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ReconcilerError(f"the journal {path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        hint = "look at the live agents with plan; then move the journal away"
        raise ReconcilerError(f"the journal {path} is damaged", hint) from None


def _lines(data: bytes) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(data.split(b"\n")):
        try:
            yield json.loads(line)
        except (ValueError, RecursionError):
            if number == 0 and line:
                raise


def _run(lines: Iterable[dict[str, Any]]) -> RunRecord:
    head, *rest = lines
    if head["format"] != FORMAT:
        raise ValueError
    run = RunRecord(
        id=head["run"], started=head["started"], company=head["company"], planned=head["planned"],
        credentials=head["credentials"], lineage=head["lineage"], serial=head["serial"],
    )  # fmt: skip
    calls: list[list[JournaledCall]] = []
    for line in rest:
        if "intent" in line:
            calls.append([JournaledCall(_intent(line))])
        elif "outcome" in line:
            calls[line["n"]] = _ended(calls[line["n"]], line)
        elif "saved" in line:
            calls = [[replace(kept, known=True) for kept in parts] for parts in calls]
            run = replace(run, serial=line["saved"], recovered=line["settled"])
        else:
            run = replace(run, ended=line["ended"])
    return replace(run, calls=tuple(kept for parts in calls for kept in parts))


def _ended(parts: list[JournaledCall], line: dict[str, Any]) -> list[JournaledCall]:
    """The parts of a call once another part of it has ended; the last part is what is still open."""
    *before, left = parts
    ids = tuple(line["operatorIds"])
    over = JournaledCall(replace(left.intent, operator_ids=ids, outcome=line["outcome"]), line["message"])
    rest = tuple(id_ for id_ in left.intent.operator_ids if id_ not in ids)
    return [*before, over, *([JournaledCall(replace(left.intent, operator_ids=rest))] if rest else [])]


def _intent(line: dict[str, Any]) -> Intent:
    from reconciler.core.model.outcome import Intent

    fields, to_restore = ({n: v for n, v in line.get(key, {}).items() if n in BY_NAME} for key in ("fields", "owes"))
    vendor = line.get("vendorPassword", False)
    ids, version = tuple(line["operatorIds"]), line.get("passwordVersion")
    return Intent(line["intent"], ids, fields, version, to_restore=to_restore, vendor_password=vendor)
