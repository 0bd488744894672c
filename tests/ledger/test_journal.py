"""The journal's lines: that a damaged one is noticed wherever it is, and what may be cut short."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.message import text
from reconciler.core.model.outcome import Event, Intent
from reconciler.core.model.plan import Call
from reconciler.errors import ReconcilerError
from reconciler.ledger.journal import Journal, RunRecord, last_run

RUN = RunRecord("run", "2026-11-22T10:00:00Z", "acme", 2, "c", "lineage", 1, endpoint="https://vendor.example")
CALLS = (Call("password", ("8001",), (0,)), Call("edit", ("8002",), (1,), {"name": "张三"}))
KNOWN = {"8001": LedgerEntry(3, {"roleName": "客服"}, to_restore={"name": " "})}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with two calls, of which one has ended."""
    path = tmp_path / "journal.jsonl"
    with closing(Journal(path)) as journal:
        journal.begin(RUN)
        first = Intent("password", ("8001",), {}, 4, before=KNOWN)
        journal.record_outcome(journal.record_intent(first), Event(CALLS[0], "lost", text("没有回答")))
        journal.record_intent(Intent.of(CALLS[1]))
    return path


def test_it_tells_what_was_written(path: Path) -> None:
    """Endpoint, calls, outcomes, and what the ledger knew of an agent when its call was sent."""
    run = last_run(path)
    assert run is not None
    assert (run.endpoint, run.company) == (RUN.endpoint, "acme")
    assert [call.intent.outcome for call in run.calls] == ["lost", None]
    assert [call.intent.before for call in run.calls] == [KNOWN, None]


def test_one_damaged_byte_is_noticed_anywhere(path: Path) -> None:
    """Whichever byte becomes another one, in an intent, an outcome or the end of a line: refused, and left as it is."""
    whole = path.read_bytes()
    for at, byte in enumerate(whole):
        for other in {byte ^ 1, byte ^ 0x10, ord("\n"), ord("0")} - {byte}:
            damaged = whole[:at] + bytes([other]) + whole[at + 1 :]
            path.write_bytes(damaged)
            with pytest.raises(ReconcilerError, match=r"is damaged|newer version"):
                last_run(path)
            assert path.read_bytes() == damaged


@pytest.mark.parametrize("change", ["missing", "twice", "swapped"])
def test_a_line_that_is_not_where_it_was(path: Path, change: str) -> None:
    """A line that is missing, stands twice or has changed places is damage too."""
    head, first, outcome, second = path.read_bytes().splitlines(keepends=True)
    lines = {
        "missing": [head, outcome, second],
        "twice": [head, first, first, outcome, second],
        "swapped": [head, first, second, outcome],
    }[change]
    path.write_bytes(b"".join(lines))
    with pytest.raises(ReconcilerError, match="is damaged"):
        last_run(path)


def test_a_line_that_was_cut_short_counts_as_not_written(path: Path) -> None:
    """Cut anywhere behind its first line the journal is read up to there, and can be gone on with."""
    whole = path.read_bytes()
    for end in range(whole.index(b"\n") + 1, len(whole)):
        path.write_bytes(whole[:end])
        run = last_run(path)
        assert run is not None
        with closing(Journal(path)) as journal:
            journal.resume()
            journal.record_saved(7, settled=True)
        again = last_run(path)
        assert again is not None
        assert (len(again.calls), again.serial, again.recovered) == (len(run.calls), 7, True)


def test_a_newer_journal_is_called_newer(path: Path) -> None:
    """A larger format number is a newer version's, and no damage; the file stays."""
    data = path.read_bytes().replace(b"journal/2", b"journal/3")
    path.write_bytes(data)
    with pytest.raises(ReconcilerError, match="newer version") as caught:
        last_run(path)
    assert caught.value.exit_code == 1
    assert path.read_bytes() == data


def test_half_a_line_spoils_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a full disk takes of a line is taken back; where even that fails, nothing more is written."""

    class Full:
        """A stream on a disk with room for nine bytes more."""

        def __init__(self, stream: object) -> None:
            self.stream = stream

        def write(self, data: bytes) -> int:
            return int(self.stream.write(data[:9]))  # type: ignore[attr-defined]

        def __getattr__(self, name: str) -> object:
            return getattr(self.stream, name)

    for mended in (True, False):
        with closing(Journal(path)) as journal:
            journal.resume()
            stream = journal._stream
            journal._stream = Full(stream)  # type: ignore[assignment]
            if not mended:
                monkeypatch.setattr(os, "ftruncate", lambda *_: (_ for _ in ()).throw(OSError(5, "broken")))
            with pytest.raises(OSError, match=r"No space|broken"):
                journal.end("done")
            journal._stream = stream
            if mended:
                journal.end("in part")
            else:
                with pytest.raises(OSError, match="error"):
                    journal.end("interrupted")
        run = last_run(path)
        assert run is not None
        assert run.ended == "in part"


def test_a_link_to_a_journal_is_followed(path: Path, tmp_path: Path) -> None:
    """Of a link what it leads to is replaced."""
    link = tmp_path / "link.jsonl"
    link.symlink_to(path)
    with closing(Journal(link)) as journal:
        journal.begin(RUN)
    assert link.is_symlink()
    assert path.read_bytes().count(b"\n") == 1
