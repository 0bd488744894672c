"""Where the books of a vendor lie, whose they are, and how they get from one place to another."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from reconciler.core.model.address import canonical, folder_name, is_rehearsal, same_endpoint
from reconciler.core.model.desired import Company
from reconciler.errors import Declined, LockHeld, ReconcilerError, WrongUsage
from reconciler.ledger.ledger import load_ledger
from reconciler.ledger.on_disk import LocalStore
from reconciler.ledger.place import BooksPlace

REAL = "https://vendor.example"
SANDBOX = "http://127.0.0.1:8787"
ACME = Company("acme")
OLD = {"format": "reconciler.ledger/1", "company": "acme", "lineage": "l", "serial": 1, "run": "r", "agents": {}}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """The folder of all books."""
    folder = tmp_path / ".reconciler"
    folder.mkdir(mode=0o700)
    return folder


def older(base: Path) -> dict[str, bytes]:
    """Books as 0.1.0 left them."""
    books = {"ledger.json": json.dumps(OLD).encode(), "journal.jsonl": b"a journal\n"}
    for name, data in books.items():
        (base / name).write_bytes(data)
    return books


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        ("https://Vendor.Example", "vendor.example"),
        ("https://vendor.example:8443/gate/", "vendor.example_8443"),
        ("https://vendor.example:443", "vendor.example"),
        ("https://vendor.example:80", "vendor.example_80"),
        ("http://127.0.0.1:8787", "127.0.0.1_8787"),
        ("http://localhost", "localhost"),
        ("http://[::1]:8787", "ipv6---1_8787"),
        ("https://[2001:DB8:0::7]", "ipv6-2001-db8--7"),
    ],
)
def test_the_name_of_the_folder(endpoint: str, name: str) -> None:
    """It is the host in lower case, and the port where the URL names one that does not go without saying."""
    assert folder_name(endpoint) == name


@pytest.mark.parametrize(
    "other",
    ["https://vendor.example/", "HTTPS://VENDOR.example", "https://vendor.example:443", "https://vendor.example//"],
)
def test_one_vendor_by_another_spelling(other: str) -> None:
    """Case, a final slash and the usual port make no other vendor, and books made with the one are the other's."""
    assert same_endpoint(REAL, other)
    assert canonical(other) == REAL
    assert BooksPlace(Path(), endpoint=other).folder == BooksPlace(Path(), endpoint=REAL).folder


@pytest.mark.parametrize(
    "other",
    ["http://vendor.example", "https://vendor.example:8443", "https://vendor.example/b", "https://vendor.exampl"],
)
def test_another_vendor(other: str) -> None:
    """Another scheme, port, path or host is another vendor."""
    assert not same_endpoint(REAL, other)


@pytest.mark.parametrize("endpoint", ["http://localhost:1", "http://LOCALHOST", "http://127.9.9.9", "https://[::1]"])
def test_a_rehearsal(endpoint: str) -> None:
    """A vendor on this machine is a sandbox, whatever its scheme; any other is a real one."""
    assert is_rehearsal(endpoint)
    assert not is_rehearsal(REAL)


def test_older_books_are_copied_once(base: Path) -> None:
    """Books that know no endpoint are copied to the first real vendor's folder, told of once, and left as they are."""
    books, place = older(base), BooksPlace(base, endpoint=REAL)
    assert place.folder == base
    told = place.take_older_books()
    assert str(base / "vendor.example") in told
    assert REAL in told
    assert {name: (base / "vendor.example" / name).read_bytes() for name in books} == books
    assert {name: (base / name).read_bytes() for name in books} == books
    assert stat.S_IMODE((base / "vendor.example").stat().st_mode) == 0o700
    (base / "vendor.example/journal.jsonl").write_bytes(b"another\n")
    assert place.take_older_books() == ""
    assert (base / "vendor.example/journal.jsonl").read_bytes() == b"another\n"


@pytest.mark.parametrize("endpoint", [SANDBOX, "http://localhost", "http://[::1]:9"])
def test_a_sandbox_never_takes_them(base: Path, endpoint: str) -> None:
    """For a vendor on this machine there are no older books."""
    older(base)
    place = BooksPlace(base, endpoint=endpoint)
    assert place.take_older_books() == ""
    assert not place.folder.exists()
    assert load_ledger(place.store(), ACME, endpoint).serial == 0


def test_a_copy_that_was_cut_short_is_made_again(base: Path) -> None:
    """The ledger comes last: a journal alone, equal to the older one, is no sign that all was copied."""
    books, place = older(base), BooksPlace(base, endpoint=REAL)
    (base / "vendor.example").mkdir()
    (base / "vendor.example/journal.jsonl").write_bytes(books["journal.jsonl"])
    assert place.take_older_books()
    assert (base / "vendor.example/ledger.json").read_bytes() == books["ledger.json"]


@pytest.mark.parametrize("name", ["ledger.json", "journal.jsonl"])
def test_newer_books_are_never_overwritten(base: Path, name: str) -> None:
    """Where the endpoint has a ledger or a journal of its own, nothing is copied over it."""
    older(base)
    (base / "vendor.example").mkdir()
    (base / "vendor.example" / name).write_bytes(b"its own\n")
    assert BooksPlace(base, endpoint=REAL).take_older_books() == ""
    assert [path.name for path in (base / "vendor.example").iterdir()] == [name]


def test_books_that_know_their_endpoint_are_no_older_ones(base: Path) -> None:
    """A ledger there that says whose it is stays whose it is."""
    older(base)
    (base / "ledger.json").write_text(json.dumps({**OLD, "endpoint": "https://other.example"}))
    assert BooksPlace(base, endpoint=REAL).take_older_books() == ""


def test_older_books_in_use_are_not_copied(base: Path) -> None:
    """While an apply of the older version works with them, who wants them is refused and told by whom."""
    older(base)
    with LocalStore(base / "ledger.json").lock(), pytest.raises(LockHeld):
        BooksPlace(base, endpoint=REAL).take_older_books()
    assert not (base / "vendor.example").exists()


def test_the_older_journal_of_a_remote_ledger(base: Path) -> None:
    """What such a journal left open is not forgotten either: it moves along, by its own name."""
    place = BooksPlace(base, "s3://bucket/ledger.json", REAL)
    name = place.journal.name
    (base / name).write_bytes(b"a journal\n")
    assert place.journal == base / name
    assert place.take_older_books()
    assert place.journal == base / "vendor.example" / name
    assert place.journal.read_bytes() == b"a journal\n"


def test_the_only_folder_there_is(base: Path) -> None:
    """Without an endpoint the only vendor with books is meant; of several nobody guesses."""
    assert BooksPlace(base).folder == base
    for host in ("vendor.example", "other.example"):
        assert BooksPlace(base).folder in (base, base / "vendor.example")
        (base / host).mkdir()
        (base / host / "ledger.json").touch()
    with pytest.raises(WrongUsage, match=r"several vendors: other\.example, vendor\.example") as caught:
        _ = BooksPlace(base).folder
    assert "--endpoint" in caught.value.hint
    assert BooksPlace(base, endpoint="https://other.example").folder == base / "other.example"


def test_books_beside_a_named_ledger(base: Path) -> None:
    """Journal and credentials lie beside a ledger on disk that is named, whatever the endpoint."""
    place = BooksPlace(base, "shared/acme.json", REAL)
    assert (place.ledger, place.journal) == (Path("shared/acme.json"), Path("shared/acme.journal.jsonl"))
    assert place.folder == Path("shared")


@pytest.mark.parametrize("there", [REAL, "https://other.example"])
def test_a_ledger_of_another_endpoint_is_refused(base: Path, there: str) -> None:
    """One that was made with another endpoint is refused, with both, and the hint names `ledger rebind`."""
    path = base / "ledger.json"
    path.write_text(json.dumps({**OLD, "endpoint": there}))
    if there == REAL:
        assert load_ledger(LocalStore(path), ACME, REAL + "/").endpoint == REAL
        return
    with pytest.raises(Declined, match=rf"made with {there}, and this is {REAL}") as caught:
        load_ledger(LocalStore(path), ACME, REAL)
    assert caught.value.exit_code == 3
    assert "ledger rebind" in caught.value.hint


def test_a_ledger_that_knows_no_endpoint_is_bound_by_its_next_write(base: Path) -> None:
    """Reading it binds nothing on disk; the next save writes the endpoint down."""
    path = base / "ledger.json"
    path.write_text(json.dumps(OLD))
    ledger = load_ledger(LocalStore(path), ACME, REAL)
    assert (ledger.bound, "endpoint" in json.loads(path.read_bytes())) == (False, False)
    ledger.save("run")
    assert (ledger.bound, json.loads(path.read_bytes())["endpoint"]) == (True, REAL)


def test_a_newer_ledger_is_called_newer(base: Path) -> None:
    """A larger format number is a newer version's, and no damage: exit 1, with what to do, and the file stays."""
    path = base / "ledger.json"
    path.write_text(json.dumps({"format": "reconciler.ledger/3", "whatever": True}))
    before = path.read_bytes()
    with pytest.raises(ReconcilerError, match="newer version") as caught:
        load_ledger(LocalStore(path), ACME, REAL)
    assert (caught.value.exit_code, "update" in caught.value.hint) == (1, True)
    assert "damaged" not in caught.value.message
    assert path.read_bytes() == before


def test_a_link_to_a_ledger_is_followed(base: Path, tmp_path: Path) -> None:
    """A write goes to the file that the link leads to, the link stays, and all who share the file share its lock."""
    shared, link = tmp_path / "shared.json", base / "ledger.json"
    shared.write_bytes(b"1")
    link.symlink_to(shared)
    store = LocalStore(link)
    assert store.read() == b"1"
    store.write(b"2")
    assert (link.is_symlink(), shared.read_bytes()) == (True, b"2")
    with store.lock(), pytest.raises(LockHeld), LocalStore(shared).lock():
        pass


def test_a_link_that_leads_nowhere_is_no_first_use(base: Path, tmp_path: Path) -> None:
    """A disk that is not mounted is not taken for a ledger that knows nothing."""
    (base / "ledger.json").symlink_to(tmp_path / "not/mounted.json")
    with pytest.raises(ReconcilerError, match="which is not there"):
        LocalStore(base / "ledger.json").read()
