"""The journal of the last run: an intent on disk before each call is sent, its outcome afterwards, and no secret.

It holds one JSON object a line. A last line that a kill or a full disk cut short counts as not written. That is safe: a
call whose intent is not written was not sent, and the next run looks up a call without an outcome.

Each line ends with a checksum (`sum`) over itself and all lines before it, so that a damaged, a missing or a moved line
is noticed. Format 1, which 0.1.0 wrote, has none; it is read, and written no more.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from reconciler.core.model.fields import BY_NAME
from reconciler.core.model.message import Text, text
from reconciler.core.text import is_newer_format
from reconciler.errors import NewerFormat, ReconcilerError, unreadable
from reconciler.files.atomic import replace_file
from reconciler.files.private import private_folder
from reconciler.ledger.ledger import read_entry

if TYPE_CHECKING:
    from reconciler.core.model.outcome import Event, Intent

FORMAT: Final = "reconciler.journal/2"
FIRST_FORMAT: Final = "reconciler.journal/1"
_SEALED: Final = re.compile(rb'(\{.*), "sum": "([0-9a-f]{16})"\}')


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
    no outcome is unknown any more; `ended` says how the run ended, and is empty for one that was killed. `endpoint` is
    the vendor's base URL, and empty where the journal is too old to know it. `largest_id` is the vendor's largest `id`
    that was listed before the run, `history` the name of the run's record in the history. `who` ran it: the pipeline's
    actor, else `user@host:pid`; empty where the journal is too old to know it.
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
    endpoint: str = ""
    largest_id: int | None = None
    history: str = ""
    who: str = ""

    @property
    def open_intents(self) -> tuple[Intent, ...]:
        """The calls that the ledger may not know of, and those whose outcome is unknown."""
        return tuple(call.intent for call in self.calls if not self.recovered and not (call.in_ledger and call.settled))

    @property
    def told_of(self) -> Text:
        """Who left the run open and since when, for whoever reads the ledger that it shares."""
        ended = text("ended") if self.ended else text("has not ended (killed, or still at work)")
        agents = len({operator_id for intent in self.open_intents for operator_id in intent.operator_ids})
        who = self.who or text("another machine")
        words = "the shared ledger has an open run: {who}, begun {begun}, {ended}, {count} {count:agent|agents} open"
        return text(words, who=who, begun=self.started, ended=ended, count=agents)


@dataclass(slots=True)
class Journal:
    """The journal of the current run."""

    path: Path
    _stream: IO[bytes] | None = None
    _count: int = field(default=0)
    _sum: str = field(default="")
    _end: int = field(default=0)
    _broken: bool = field(default=False)

    def begin(self, run: RunRecord) -> None:
        """Replace the last run's journal with a new one.

        Raises:
            OSError: the journal cannot be written.
        """
        private_folder(self.path.parent)
        self._replace([_head(run)])

    def _replace(self, lines: Iterable[dict[str, Any]]) -> None:
        """Replace the file by these lines, and append to them from now on. Of a link, what it leads to is replaced."""
        data, self._sum = _sealed_lines(lines)
        replace_file(Path(os.path.realpath(self.path)), data)
        self._stream, self._end = self.path.open("ab", buffering=0), len(data)

    def record_intent(self, intent: Intent) -> int:
        """Record what is about to be sent; it is on disk on return. The number identifies it in `record_outcome`.

        Raises:
            OSError: the journal cannot be written.
        """
        self._write(_intent_line(self._count, intent), sync=True)
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
        """Append to the last run's journal, to record that the run was recovered. A torn last line goes.

        Raises:
            ValueError: it is no journal; likewise `LookupError` and `TypeError`.
            OSError: the journal cannot be read or written.
        """
        lines = list(_lines(self.path.read_bytes()))
        self._replace([{**lines[0], "format": FORMAT}, *lines[1:]])

    def rebind(self, company: str, endpoint: str) -> None:
        """Say in the last run's journal that it is about this company's agents at this endpoint.

        Raises:
            ValueError: it is no journal; likewise `LookupError` and `TypeError`.
            OSError: the journal cannot be read or written.
        """
        lines = list(_lines(self.path.read_bytes()))
        self._replace([{**lines[0], "format": FORMAT, "company": company, "endpoint": endpoint}, *lines[1:]])
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _write(self, line: dict[str, Any], *, sync: bool = False) -> None:
        if self._stream is None:
            return
        data, new_sum = _sealed(line, self._sum)
        try:
            if self._broken:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            if self._stream.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if sync:
                os.fsync(self._stream.fileno())
        except OSError:
            self._take_back(self._stream)
            raise
        self._sum, self._end = new_sum, self._end + len(data)

    def _take_back(self, stream: IO[bytes]) -> None:
        """Remove half a line. Where that fails too nothing more is written, since the next line would continue it."""
        try:
            os.ftruncate(stream.fileno(), self._end)
        except OSError:
            self._broken = True


def _head(run: RunRecord) -> dict[str, Any]:
    return {
        "format": FORMAT, "run": run.id, "started": run.started, "company": run.company, "endpoint": run.endpoint,
        "planned": run.planned, "credentials": run.credentials, "lineage": run.lineage, "serial": run.serial,
        "largestId": run.largest_id, "history": run.history, "who": run.who,
    }  # fmt: skip


def _intent_line(number: int, intent: Intent) -> dict[str, Any]:
    from reconciler.core.saved.plan_json import entry_document

    line = {"intent": intent.kind, "operatorIds": list(intent.operator_ids), "fields": {**intent.fields}}
    version = {} if intent.password_version is None else {"passwordVersion": intent.password_version}
    to_restore = {"owes": {**intent.to_restore}} if intent.to_restore else {}
    vendor = {"vendorPassword": True} if intent.vendor_password else {}
    batch = {"batch": list(intent.batch)} if intent.batch else {}
    knew: dict[str, Any] = {}
    if intent.before is not None:
        knew = {"knew": {operator_id: entry_document(entry) for operator_id, entry in intent.before.items()}}
    return {"n": number, **line, **version, **to_restore, **vendor, **batch, **knew}


def open_part(run: RunRecord) -> bytes:
    """A journal with what is still open of a run, as it is kept remotely: its calls, and how it has ended."""
    lines = [_head(run)]
    for number, intent in enumerate(run.open_intents):
        lines.append(_intent_line(number, intent))
        if intent.outcome is not None:
            ids = list(intent.operator_ids)
            lines.append({"n": number, "operatorIds": ids, "outcome": intent.outcome, "message": ""})
    if run.ended or run.recovered:
        lines += [{"saved": run.serial, "settled": run.recovered}, {"ended": run.ended}]
    return _sealed_lines(lines)[0]


def _sealed(value: dict[str, Any], sum_before: str) -> tuple[bytes, str]:
    """The line for a value, which is no empty one, and the line's checksum."""
    body = json.dumps(value)[:-1]
    new_sum = _sum(sum_before, body.encode())
    return f'{body}, "sum": "{new_sum}"}}\n'.encode(), new_sum


def _sum(sum_before: str, body: bytes) -> str:
    return hashlib.sha256(sum_before.encode() + body).hexdigest()[:16]


def _sealed_lines(values: Iterable[dict[str, Any]]) -> tuple[bytes, str]:
    data, last_sum = [], ""
    for value in values:
        line, last_sum = _sealed(value, last_sum)
        data.append(line)
    return b"".join(data), last_sum


def last_run(path: Path) -> RunRecord | None:
    """The run in the journal, or `None` when there is no journal.

    Raises:
        ReconcilerError: the journal cannot be read, is damaged, or was written by a newer version.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable(text("the journal {path}", path=path), error) from None
    return run_in(data, text("the journal {path}", path=path))


def run_in(data: bytes | None, what: Text) -> RunRecord | None:
    """The run in a journal's bytes; `None` for none. `what` it is goes into messages.

    Raises:
        ReconcilerError: the journal is damaged, or was written by a newer version.
    """
    try:
        if data and is_newer_format(_format(data), FORMAT):
            raise NewerFormat(what, _format(data))
        lines = list(_lines(data or b""))
        return _run_record(lines) if lines else None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        hint = text("it is left as it is: look at the live agents with plan; then move the journal away")
        raise ReconcilerError("books-damaged", text("{what} is damaged", what=what), hint) from None


def _format(data: bytes) -> str:
    return str(json.loads(data.split(b"\n", 1)[0])["format"])


def _lines(data: bytes) -> Iterator[dict[str, Any]]:
    """The values of all lines, without their checksums; `ValueError` where one is damaged."""
    if not data:
        return
    if (format_ := _format(data)) == FIRST_FORMAT:
        yield from _unsealed_lines(data)
        return
    if format_ != FORMAT:
        raise ValueError
    *lines, tail = data.split(b"\n")
    last_sum = ""
    for line in lines:
        sealed = _unsealed(line, last_sum)
        if sealed is None:
            raise ValueError
        value, last_sum = sealed
        yield value
    # A tail without its end was cut short, or is whole but for it. A whole one with one byte more has a damaged end.
    if (whole := _unsealed(tail, last_sum)) is not None:
        yield whole[0]
    elif _unsealed(tail[:-1], last_sum) is not None:
        raise ValueError


def _unsealed(line: bytes, sum_before: str) -> tuple[dict[str, Any], str] | None:
    """The value of a line, and its checksum; `None` where that does not fit."""
    sealed = _SEALED.fullmatch(line)
    if sealed is None or sealed[2].decode() != _sum(sum_before, sealed[1]):
        return None
    return json.loads(sealed[1] + b"}"), sealed[2].decode()


def _unsealed_lines(data: bytes) -> Iterator[dict[str, Any]]:
    """The lines of the first format, in which one that cannot be read was cut short by a kill or a full disk."""
    for number, line in enumerate(data.split(b"\n")):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            if number == 0 and line:
                raise
            continue
        if "sum" in value:  # the first format has no checksums: its number is what is damaged
            raise ValueError
        yield value


def _run_record(lines: Iterable[dict[str, Any]]) -> RunRecord:
    head, *rest = lines
    run = RunRecord(
        id=head["run"], started=head["started"], company=head["company"], planned=head["planned"],
        credentials=head["credentials"], lineage=head["lineage"], serial=head["serial"],
        largest_id=head.get("largestId"),
        endpoint=head.get("endpoint", ""),
        history=head.get("history", ""),
        who=head.get("who", ""),
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
    ended_ids, intent = tuple(line["operatorIds"]), open_part.intent
    open_ids = tuple(operator_id for operator_id in intent.operator_ids if operator_id not in ended_ids)
    if open_ids:
        intent = replace(intent, batch=intent.batch or intent.operator_ids)
    ended = JournaledCall(replace(intent, operator_ids=ended_ids, outcome=line["outcome"]), line["message"])
    return [*ended_parts, ended, *([JournaledCall(replace(intent, operator_ids=open_ids))] if open_ids else [])]


def _intent(line: dict[str, Any]) -> Intent:
    from reconciler.core.model.outcome import Intent

    fields, to_restore = ({n: v for n, v in line.get(key, {}).items() if n in BY_NAME} for key in ("fields", "owes"))
    vendor_password = line.get("vendorPassword", False)
    ids, version = tuple(line["operatorIds"]), line.get("passwordVersion")
    batch = tuple(line.get("batch", ()))
    intent = Intent(
        line["intent"], ids, fields, version, to_restore=to_restore, vendor_password=vendor_password, batch=batch
    )
    if "knew" not in line:
        return intent
    return replace(intent, before={operator_id: read_entry(entry) for operator_id, entry in line["knew"].items()})
