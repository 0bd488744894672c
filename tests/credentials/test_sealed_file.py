"""The encrypted credentials file: what is on disk while a run writes it, when it is killed, and when it ends."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.core.model.secret import Secret
from reconciler.credentials.age import is_sealed
from reconciler.credentials.delivered import read_credentials
from reconciler.credentials.delivery import CredentialsFile
from reconciler.errors import ReconcilerError

from .keys import CANARY, SIP_CANARY, Key, age_key, morning, sealed_file, write

ROOT = Path(__file__).parents[2]
HEAD = """
import os, resource, signal, sys
from pathlib import Path
from tests.credentials.keys import sealed_file, write
path = Path(sys.argv[1])
file = sealed_file(path, sys.argv[2])
def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
"""


@pytest.fixture
def key(tmp_path: Path) -> Key:
    """Whom the file is for."""
    return age_key(tmp_path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file goes: a folder of its own."""
    return tmp_path / "out" / "credentials.jsonl.age"


def script(text: str, *arguments: object) -> subprocess.Popen[str]:
    """A process of its own that runs `HEAD` and this."""
    command = [sys.executable, "-c", HEAD + text, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def numbers(path: Path, key: Key) -> list[int]:
    """Which of the credentials can be read, when none was cut off."""
    found, torn = read(path, key)
    assert torn == 0
    return found


def read(path: Path, key: Key) -> tuple[list[int], int]:
    """Which of the credentials can be read, every part of them as it was written, and how many were cut off."""
    delivered = read_credentials(path, key.identity)
    found = []
    for credential in delivered.credentials:
        number = int(credential.operator_id) - 8000
        assert credential.password is not None
        assert credential.sip_password is not None
        assert credential.password.reveal() == f"{CANARY}{number}"
        assert credential.sip_number == f"{60000 + number}"
        assert credential.sip_password.reveal() == f"{SIP_CANARY}{number}"
        found.append(number)
    return found, delivered.torn


def test_no_plain_byte_touches_the_disk(key: Key, path: Path) -> None:
    """After every write, and after the end, no file of the folder holds a secret or says whose it is."""
    file = sealed_file(path, key.recipient)
    for number in range(5):
        write(file, range(number, number + 1))
        assert [found for found in path.parent.iterdir() if found != path] == []
        assert not [word for word in (CANARY, SIP_CANARY, "operatorId", "8000") if word.encode() in path.read_bytes()]
    file.close()
    assert list(path.parent.iterdir()) == [path]
    assert not [word for word in (CANARY, SIP_CANARY, "operatorId", "8000") if word.encode() in path.read_bytes()]


def test_mode_0600(key: Key, path: Path) -> None:
    """Only its owner reads it, while it is written and when it is finished, under any umask."""
    before = os.umask(0)
    try:
        file = sealed_file(path, key.recipient)
        write(file, range(2))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        file.close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_every_record_is_readable_at_once(key: Key, path: Path) -> None:
    """When `write` returns, the record can be read from the file, in the middle of the run."""
    file = sealed_file(path, key.recipient)
    for number in range(4):
        write(file, range(number, number + 1))
        assert numbers(path, key) == list(range(number + 1))
    assert not file.whole
    file.close()


def test_the_end_makes_one_age_file(key: Key, path: Path) -> None:
    """`close` leaves one binary age file with every line in it, and says so."""
    file = sealed_file(path, key.recipient)
    write(file, range(4))
    file.close()
    assert (file.used, file.whole) == (True, True)
    assert path.read_bytes().startswith(b"age-encryption.org/v1\n")
    assert numbers(path, key) == [0, 1, 2, 3]


def test_every_recipient_reads(tmp_path: Path, path: Path) -> None:
    """Each of several recipients reads the file alone, unfinished and finished."""
    keys = [age_key(tmp_path, f"key-{number}") for number in range(3)]
    file = sealed_file(path, *(key.recipient for key in keys))
    write(file, range(2))
    assert [numbers(path, key) for key in keys] == [[0, 1]] * 3
    file.close()
    assert [numbers(path, key) for key in keys] == [[0, 1]] * 3


def test_nobody_else_reads(tmp_path: Path, key: Key, path: Path) -> None:
    """Another key opens neither form, and the error shows nothing of the content."""
    other = age_key(tmp_path, "other.txt")
    file = sealed_file(path, key.recipient)
    write(file, range(2))
    for _ in ("unfinished", "finished"):
        with pytest.raises(ReconcilerError, match="do not open") as caught:
            read_credentials(path, other.identity)
        assert CANARY not in caught.value.message + caught.value.hint
        file.close()


@pytest.mark.exhaustive(4)
@pytest.mark.parametrize("acknowledged", range(1, 9))
def test_a_kill_loses_no_record(key: Key, path: Path, acknowledged: int) -> None:
    """SIGKILL at any moment: every record whose `write` returned is readable."""
    child = script(
        "for number in range(10_000):\n write(file, range(number, number + 1))\n print(number, flush=True)",
        path,
        key.recipient,
    )
    assert child.stdout is not None
    told = [int(child.stdout.readline()) for _ in range(acknowledged)]
    child.kill()
    child.communicate()
    assert child.returncode == -signal.SIGKILL
    found, torn = read(path, key)
    assert torn <= 1
    assert set(told) <= set(found)
    assert found == list(range(len(found)))


@pytest.mark.parametrize("attempt", range(5))
def test_a_kill_at_the_end_loses_no_record(key: Key, path: Path, attempt: int) -> None:
    """SIGKILL while the records are made one file: it is in the one form or the other, and holds all."""
    child = script("write(file, range(50))\nprint('closing', flush=True)\nfile.close()", path, key.recipient)
    assert child.stdout is not None
    assert child.stdout.readline() == "closing\n"
    child.kill()
    child.communicate()
    assert numbers(path, key) == list(range(50))
    assert not [found for found in path.parent.iterdir() if CANARY.encode() in found.read_bytes()]


def test_a_torn_tail(key: Key, path: Path, tmp_path: Path) -> None:
    """The last record cut at any byte: it is counted as torn, and all before it are read."""
    file = sealed_file(path, key.recipient)
    write(file, range(2))
    start = path.stat().st_size
    write(file, range(2, 3))
    data = path.read_bytes()
    cut = tmp_path / "cut"
    for length in range(start + 1, len(data) - 1):
        cut.write_bytes(data[:length])
        assert read(cut, key) == ([0, 1], 1), length
    cut.write_bytes(data[:-1])  # only the line break is missing: the record is whole
    assert read(cut, key) == ([0, 1, 2], 0)


def test_a_torn_first_record(key: Key, path: Path, tmp_path: Path) -> None:
    """The only record cut at any byte: the file is known as an encrypted one that holds nothing yet."""
    file = sealed_file(path, key.recipient)
    write(file, range(1))
    data = path.read_bytes()
    cut = tmp_path / "cut"
    for length in range(1, len(data) - 1):
        cut.write_bytes(data[:length])
        assert is_sealed(data[:length])
        assert read(cut, key) == ([], 1), length


@pytest.mark.parametrize("tail", [b"\0" * 300, b"-----BEGIN AGE ENCRYPTED FILE-----\n" + b"\0" * 300])
def test_a_tail_of_zeros(key: Key, path: Path, tail: bytes) -> None:
    """What a power cut leaves of a record, a file grown and not filled, is torn too."""
    write(sealed_file(path, key.recipient), range(2))
    path.write_bytes(path.read_bytes() + tail)
    assert read(path, key) == ([0, 1], 1)


def test_a_last_record_with_a_hole(key: Key, path: Path) -> None:
    """A last record that has its end and not its middle is torn; one before the last is damage."""
    file = sealed_file(path, key.recipient)
    write(file, range(2))
    start = path.stat().st_size
    write(file, range(2, 3))
    data = path.read_bytes()
    path.write_bytes(data[: start + 100] + b"\0" * 50 + data[start + 150 :])
    assert read(path, key) == ([0, 1], 1)
    path.write_bytes(data[:100] + b"\0" * 50 + data[150:])
    with pytest.raises(ReconcilerError, match="do not open"):
        read_credentials(path, key.identity)


def test_a_full_disk(key: Key, path: Path) -> None:
    """A record that the disk takes in part is an `OSError` and leaves no trace; what follows is stored again."""
    child = script(
        "write(file, range(1))\nlimit(path.stat().st_size + 100)\n"
        "try:\n write(file, range(1, 2))\nexcept OSError as error:\n print(error.strerror, flush=True)\n"
        "limit(resource.RLIM_INFINITY)\nwrite(file, range(2, 3))\nos.kill(os.getpid(), signal.SIGKILL)",
        path,
        key.recipient,
    )
    assert child.communicate()[0] == "File too large\n"
    assert read(path, key) == ([0, 2], 0)


def test_a_record_that_failed_is_not_delivered(key: Key, path: Path) -> None:
    """The finished file holds what `write` stored, and not what it could not."""
    child = script(
        "write(file, range(1))\nlimit(path.stat().st_size)\n"
        "try:\n write(file, range(1, 2))\nexcept OSError:\n pass\n"
        "limit(resource.RLIM_INFINITY)\nfile.close()\nprint(file.whole)",
        path,
        key.recipient,
    )
    assert child.communicate()[0] == "True\n"
    assert numbers(path, key) == [0]


def test_no_room_for_the_finished_file(key: Key, path: Path) -> None:
    """Where the finished file cannot be written, the records stay, nothing else is left, and `whole` says it."""
    child = script("write(file, range(3))\nlimit(10)\nfile.close()\nprint(file.used, file.whole)", path, key.recipient)
    assert child.communicate()[0] == "True False\n"
    assert list(path.parent.iterdir()) == [path]
    assert numbers(path, key) == [0, 1, 2]


@pytest.mark.parametrize("content", [b"", b'{"operatorId": "7999"}\n', b"age-encryption.org/v1\n"])
def test_an_encrypted_file_is_a_new_one(key: Key, path: Path, content: bytes) -> None:
    """A file that exists is refused before anything is sent, and left as it is: nothing in it can be lost."""
    path.parent.mkdir()
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ReconcilerError, match="exists already") as caught:
        sealed_file(path, key.recipient).open()
    assert "--credentials" in caught.value.hint
    assert path.read_bytes() == content


@pytest.mark.parametrize("finished", [False, True])
def test_no_plain_line_is_added_to_an_encrypted_file(key: Key, path: Path, finished: bool) -> None:
    """Without recipients, a file that is encrypted is refused and left as it is."""
    file = sealed_file(path, key.recipient)
    write(file, range(1))
    if finished:
        file.close()
    before = path.read_bytes()
    with pytest.raises(ReconcilerError, match="is encrypted") as caught:
        CredentialsFile(path, morning).open()
    assert "--credentials" in caught.value.hint
    assert path.read_bytes() == before


def test_a_folder_that_is_a_file(key: Key, tmp_path: Path) -> None:
    """A path that cannot be is not mistaken for a file that exists."""
    (tmp_path / "file").touch()
    with pytest.raises(ReconcilerError, match="cannot be written"):
        sealed_file(tmp_path / "file" / "credentials.age", key.recipient).open()


def test_a_file_that_stored_nothing_goes(key: Key, path: Path) -> None:
    """A run that opened the file and stored nothing leaves none, so that the next one can make it."""
    file = sealed_file(path, key.recipient)
    file.open()
    file.close()
    assert (file.used, path.exists()) == (False, False)


def test_a_second_close_does_nothing(key: Key, path: Path) -> None:
    """`close` may be called again."""
    file = sealed_file(path, key.recipient)
    write(file, range(1))
    file.close()
    before = path.read_bytes()
    file.close()
    assert path.read_bytes() == before


def test_the_sip_part_repeats_the_password(key: Key, path: Path) -> None:
    """As in a plain file, the last line of an agent has all that is known."""
    file = sealed_file(path, key.recipient)
    file.write("8001", Secret(f"{CANARY}1"))
    file.write("8001", None, "60001", Secret(f"{SIP_CANARY}1"))
    file.close()
    assert numbers(path, key) == [1]
