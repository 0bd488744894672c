"""The journal of the last run: an intent on disk before each call is sent, its outcome afterwards, and no secret.

It holds one JSON object a line. A line that a kill or a full disk cut short counts as not written. That is safe: a call
whose intent is not written was not sent, and the next run looks up a call without an outcome.
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
from reconciler.files.atomic import replace_file
from reconciler.files.private import private_folder

if TYPE_CHECKING:
    from reconciler.core.model.outcome import Event, Intent

FORMAT: Final = "reconciler.journal/1"


@dataclass(frozen=True, slots=True)
class JournaledCall:
    """What became of one call, or of one part of a delete list. `in_ledger` means that the ledger was saved since."""

    intent: Intent
    message: str = ""
    in_ledger: bool = False

    @property
    def settled(self) -> bool:
        """Whether the journal tells if the call was carried out."""
        return self.intent.outcome not in (None, "lost")


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run as its journal tells it. `lineage` and `serial` name the ledger as the run last saved it.

    `started` is UTC, ISO 8601; `planned` counts calls; `credentials` is the file for new ones. `recovered` means that
    no outcome is unknown any more; `ended` says how the run ended, and is empty for one that was killed. `largest_id`
    is the vendor's largest `id` that was listed before the run.
    """

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
    largest_id: int | None = None

    @property
    def open_intents(self) -> tuple[Intent, ...]:
        """The calls that the ledger may not know of, and those whose outcome is unknown."""
        return tuple(call.intent for call in self.calls if not self.recovered and not (call.in_ledger and call.settled))


@dataclass(slots=True)
class Journal:
    """The journal of the current run."""

    path: Path
    _stream: IO[bytes] | None = None
    _count: int = field(default=0)

    def begin(self, run: RunRecord) -> None:
        """Replace the last run's journal with a new one.

        Raises:
            OSError: the journal cannot be written.
        """
        private_folder(self.path.parent)
        head = {
            "format": FORMAT, "run": run.id, "started": run.started, "company": run.company, "planned": run.planned,
            "credentials": run.credentials, "lineage": run.lineage, "serial": run.serial,
            "largestId": run.largest_id,
        }  # fmt: skip
        replace_file(self.path, _line(head))
        self._stream = self.path.open("ab", buffering=0)

    def record_intent(self, intent: Intent) -> int:
        """Record what is about to be sent; it is on disk on return. The number identifies it in `record_outcome`.

        Raises:
            OSError: the journal cannot be written.
        """
        fields = {**intent.fields}
        line = {"intent": intent.kind, "operatorIds": list(intent.operator_ids), "fields": fields}
        version = {} if intent.password_version is None else {"passwordVersion": intent.password_version}
        to_restore = {"owes": {**intent.to_restore}} if intent.to_restore else {}
        vendor = {"vendorPassword": True} if intent.vendor_password else {}
        self._write({"n": self._count, **line, **version, **to_restore, **vendor}, sync=True)
        self._count += 1
        return self._count - 1

    def record_outcome(self, number: int, event: Event) -> None:
        """Record how a call ended, or a part of one. A lost line does no harm: the next run looks the call up.

        Raises:
            OSError: the journal cannot be written.
        """
        ids = list(event.call.operator_ids)
        self._write({"n": number, "operatorIds": ids, "outcome": event.outcome, "message": event.message})

    def record_saved(self, serial: int, *, settled: bool) -> None:
        """Record that the ledger has every outcome up to here; with `settled`, that none is unknown any more.

        Raises:
            OSError: the journal cannot be written.
        """
        self._write({"saved": serial, "settled": settled}, sync=True)

    def end(self, outcome: str) -> None:
        """Record how the run ended.

        Raises:
            OSError: the journal cannot be written.
        """
        self._write({"ended": outcome})

    def resume(self) -> None:
        """Append to the last run's journal, to record that the run was recovered.

        Raises:
            OSError: the journal cannot be opened or written.
        """
        self._stream = self.path.open("ab", buffering=0)
        self._stream.write(b"\n")  # the last line may be cut short; the next one must not continue it

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
    """The run in the journal, or `None` when there is no journal.

    Raises:
        ReconcilerError: the journal cannot be read, or is damaged.
    """
    try:
        lines = list(_lines(path.read_bytes()))
        return _run_record(lines) if lines else None
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


def _run_record(lines: Iterable[dict[str, Any]]) -> RunRecord:
    head, *rest = lines
    if head["format"] != FORMAT:
        raise ValueError
    run = RunRecord(
        id=head["run"], started=head["started"], company=head["company"], planned=head["planned"],
        credentials=head["credentials"], lineage=head["lineage"], serial=head["serial"],
        largest_id=head.get("largestId"),
    )  # fmt: skip
    calls: list[list[JournaledCall]] = []
    for line in rest:
        if "intent" in line:
            calls.append([JournaledCall(_intent(line))])
        elif "outcome" in line:
            calls[line["n"]] = _with_outcome(calls[line["n"]], line)
        elif "saved" in line:
            calls = [[replace(call, in_ledger=True) for call in parts] for parts in calls]
            run = replace(run, serial=line["saved"], recovered=line["settled"])
        else:
            run = replace(run, ended=line["ended"])
    return replace(run, calls=tuple(call for parts in calls for call in parts))


def _with_outcome(parts: list[JournaledCall], line: dict[str, Any]) -> list[JournaledCall]:
    """The parts of a call after one more part has ended. A part that is still open is the last."""
    *ended_parts, open_part = parts
    ended_ids = tuple(line["operatorIds"])
    part = replace(open_part.intent, batch=open_part.intent.batch or open_part.intent.operator_ids)
    ended = JournaledCall(replace(part, operator_ids=ended_ids, outcome=line["outcome"]), line["message"])
    open_ids = tuple(operator_id for operator_id in open_part.intent.operator_ids if operator_id not in ended_ids)
    return [
        *ended_parts,
        ended,
        *([JournaledCall(replace(part, operator_ids=open_ids))] if open_ids else []),
    ]


def _intent(line: dict[str, Any]) -> Intent:
    from reconciler.core.model.outcome import Intent

    fields, to_restore = ({n: v for n, v in line.get(key, {}).items() if n in BY_NAME} for key in ("fields", "owes"))
    vendor_password = line.get("vendorPassword", False)
    ids, version = tuple(line["operatorIds"]), line.get("passwordVersion")
    return Intent(line["intent"], ids, fields, version, to_restore=to_restore, vendor_password=vendor_password)
