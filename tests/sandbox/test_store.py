"""What is kept: files, transactions, the history, the SIP pool, and the console the tests look through."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.sandbox.console import Console
from reconciler.sandbox.server import Box, running
from reconciler.sandbox.store import AgentStore, DataFileError
from tests.fuzz import examples

from .client import Client, md5


def test_history_keeps_writes_in_order(box: Box, client: Client) -> None:
    """Every write is recorded with the operatorIds concerned, the code, and whether it was done; reads are not."""
    client.call("create/v2", operatorId="8001", batchFlag=1, batchSize=2)
    client.call("create/v2", operatorId="8001")
    client.call("edit/v2", operatorId="8001", afterInterval=0)
    client.call("page")
    client.call("one/v2", operatorId="8001")
    client.call("editPwd", operatorId="8002", password="0" * 32)
    client.call("del/v2", operatorIds=["8002", "8001"])
    assert [tuple(written) for written in box.store.history()] == [
        (1, "create/v2", ["8001", "8002"], 200, True),
        (2, "create/v2", ["8001"], 20005, False),
        (3, "edit/v2", ["8001"], 20001, False),
        (4, "editPwd", ["8002"], 200, True),
        (5, "del/v2", ["8002", "8001"], 200, True),
    ]


def test_history_of_an_operator_id_the_vendor_chose(box: Box, client: Client) -> None:
    """A creation without operatorId is recorded with the one that was chosen."""
    client.call("create/v2")
    assert box.store.history()[0].operator_ids == ["8001"]


@pytest.mark.parametrize(
    ("endpoint", "body", "named"),
    [
        ("create/v2", {"operatorId": 8001}, []),
        ("create/v2", {"operatorId": "\ud800"}, ["\ud800"]),
        ("del/v2", {"operatorIds": "8001"}, []),
        ("del/v2", {"operatorIds": ["8001", 8002]}, ["8001"]),
        ("edit/v2", {}, []),
    ],
)
def test_history_of_a_mistyped_body(
    box: Box, client: Client, endpoint: str, body: dict[str, object], named: list[str]
) -> None:
    """A write refused for its parameters is recorded with what operatorIds can be made out."""
    client.call(endpoint, **body)
    assert [tuple(written) for written in box.store.history()] == [(1, endpoint, named, 20001, False)]


def test_no_password_is_kept(tmp_path: Path) -> None:
    """Neither a plain password nor a refused one stands in the file: agents hold MD5, the history nothing."""
    file = tmp_path / "vendor.sqlite"
    with running(data=file) as box:
        client = Client(box.url)
        client.data("create/v2", operatorId="8001", password="plain-password")
        client.call("editPwd", operatorId="8001", password="not-a-digest")
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"8001" in content
    assert b"plain-password" not in content
    assert b"not-a-digest" not in content


def test_a_file_keeps_everything(tmp_path: Path) -> None:
    """A file opened again holds the agents, SIP numbers, SIP passwords and history it had."""
    file = tmp_path / "vendor.sqlite"
    with running(data=file, agents=20, seed=3) as box:
        Client(box.url).data("edit/v2", operatorId="8001", name="改名")
        before, history = box.store.agents(), box.store.history()
    with running(data=file, seed=4) as box:
        assert (box.store.agents(), box.store.history()) == (before, history)


def test_a_file_with_agents_is_not_seeded(tmp_path: Path) -> None:
    """The number of agents to invent counts only when the file holds none."""
    file = tmp_path / "vendor.sqlite"
    with running(data=file, agents=3):
        pass
    with running(data=file, agents=50) as box:
        assert len(box.store.agents()) == 3
        box.store.reset()
    with running(data=file, agents=50) as box:
        assert len(box.store.agents()) == 50


def test_a_pool_never_shrinks(tmp_path: Path) -> None:
    """A file made for many SIP numbers still has them when it is opened again with fewer."""
    file = tmp_path / "vendor.sqlite"
    with running(data=file, sip_numbers=50_000):
        pass
    with running(data=file, agents=1) as box:
        box.store.put("8001", sipNumber="110000")
        assert box.store.agents()["8001"]["sipNumber"] == "110000"


def test_a_file_is_a_write_ahead_log(tmp_path: Path) -> None:
    """A file is in WAL mode, so that it can be looked at while the sandbox runs."""
    file = tmp_path / "vendor.sqlite"
    with running(data=file, agents=5):
        other = sqlite3.connect(file)
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert other.execute("SELECT count(*) FROM agents").fetchone() == (5,)
        other.close()


def test_what_another_process_writes_is_listed(tmp_path: Path) -> None:
    """A listing read before is read again when someone else has changed the file."""
    file = tmp_path / "vendor.sqlite"
    with running(data=file, agents=5) as box:
        client = Client(box.url)
        assert client.data("page")["total"] == 5
        other = sqlite3.connect(file)
        with other:
            other.execute("DELETE FROM agents WHERE operatorId = '8001'")
        other.close()
        assert client.data("page")["total"] == 4


def test_a_file_of_another_kind_is_left_alone(tmp_path: Path) -> None:
    """A file that is no SQLite database is refused and not touched."""
    file = tmp_path / "agents.yaml"
    file.write_text("agents: []\n" * 100)
    with pytest.raises(DataFileError, match=r"agents\.yaml"):
        AgentStore(file)
    assert file.read_text() == "agents: []\n" * 100


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    """An SQLite database that no sandbox made is refused."""
    file = tmp_path / "other.sqlite"
    other = sqlite3.connect(file)
    other.execute("CREATE TABLE agents (id)")
    other.close()
    with pytest.raises(DataFileError, match="not a sandbox's"):
        AgentStore(file)


def test_a_file_of_before_is_opened(tmp_path: Path) -> None:
    """A file whose history did not yet say what was committed is kept, and says so from its codes."""
    file = tmp_path / "vendor.sqlite"
    with running(data=file) as box:
        for _ in range(2):
            Client(box.url).call("create/v2", operatorId="8001")
        agents, history = box.store.agents(), box.store.history()
    older = sqlite3.connect(file)
    older.executescript("ALTER TABLE history DROP COLUMN committed; PRAGMA user_version = 20101")
    older.close()
    with running(data=file) as box:
        assert (box.store.agents(), box.store.history()) == (agents, history)


def test_a_file_in_no_directory(tmp_path: Path) -> None:
    """A path that cannot be opened is refused by name."""
    with pytest.raises(DataFileError, match="missing"):
        AgentStore(tmp_path / "missing" / "vendor.sqlite")


def test_a_transaction_is_all_or_nothing() -> None:
    """What a block did before it raised is undone."""

    def fail_halfway(store: AgentStore) -> None:
        with store.transaction():
            store.insert([{"operatorId": "8001"}])
            raise ZeroDivisionError

    with closing(AgentStore()) as store:
        with pytest.raises(ZeroDivisionError):
            fail_halfway(store)
        with store.transaction():
            assert store.count() == 0


def test_what_is_undone_is_not_listed() -> None:
    """A listing read from what is then undone is read again."""

    def fail_after_reading(store: AgentStore) -> None:
        with store.transaction():
            store.insert([{"operatorId": "8001"}])
            assert store.listing() == [1]
            raise ZeroDivisionError

    with closing(AgentStore()) as store:
        with pytest.raises(ZeroDivisionError):
            fail_after_reading(store)
        with store.transaction():
            assert store.listing() == []


def test_requests_at_once_make_whole_agents(box: Box) -> None:
    """Creations from several threads all succeed with SIP numbers of their own."""

    def create() -> None:
        for _ in range(10):
            Client(box.url).data("create/v2")

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    agents = box.store.agents().values()
    assert sorted(agent["sipNumber"] for agent in agents) == [str(60001 + n) for n in range(40)]


def test_reset_wipes_everything(box: Box, client: Client) -> None:
    """After a reset there are the agents given and nothing else, counted from 1."""
    client.data("create/v2", operatorId="8001")
    box.store.reset([{"operatorId": "9001", "name": "张三"}])
    assert {key: agent["id"] for key, agent in box.store.agents().items()} == {"9001": 1}
    assert box.store.history() == []
    assert client.data("create/v2")[0]["sipNumber"] == "60001"


def test_put_drifts_an_agent(box: Box, client: Client) -> None:
    """The console changes what it names, also what the API cannot, and leaves no history."""
    box.store.reset([{"operatorId": "8001", "name": "张三", "judge": 1, "sipNumber": "60001"}])
    box.store.put("8001", judge=0, sipNumber="60005", mainGroupName="投诉组", password="secret", status=0)
    agent = box.store.agents()["8001"]
    assert (agent["name"], agent["judge"], agent["status"]) == ("张三", 0, 0)
    assert (agent["sipNumber"], agent["mainGroupName"]) == ("60005", "投诉组")
    assert agent["password_md5"] == md5("secret")
    assert box.store.history() == []
    assert client.data("page", sipNumber="60005")["total"] == 1


def test_put_adds_an_agent(box: Box, client: Client) -> None:
    """An operatorId that nobody has is a new agent, with the defaults of the text."""
    box.store.put("8001", name="张三")
    row = client.data("one/v2", operatorId="8001")
    assert (row["name"], row["isaudio"], row["status"], row["sipNumber"]) == ("张三", 1, 1, None)


def test_put_takes_things_away(box: Box) -> None:
    """None or "" takes away a SIP number or a group."""
    box.store.reset([{"operatorId": "8001", "sipNumber": "60001", "mainGroupName": "投诉组"}])
    box.store.put("8001", sipNumber="", mainGroupName=None)
    agent = box.store.agents()["8001"]
    assert (agent["sipNumber"], agent["sipid"], agent["mainGroupName"]) == (None, None, None)


@pytest.mark.parametrize("wire", [{"Name": "x"}, {"sipid": 1}, {"sipNumber": "1"}, {"sipNumber": "60001"}])
def test_put_knows_its_names(box: Box, wire: dict[str, object]) -> None:
    """A name that is no agent's, or a SIP number that is unknown or taken, is an error and changes nothing."""
    box.store.reset([{"operatorId": "8001", "sipNumber": "60001"}, {"operatorId": "8002"}])
    before = box.store.agents()
    with pytest.raises(ValueError, match=r"sipid|Name|SIP number"):
        box.store.put("8002", **wire)
    assert box.store.agents() == before


def test_remove(box: Box, client: Client) -> None:
    """The console deletes an agent, once, and its SIP number comes free."""
    box.store.reset([{"operatorId": "8001", "sipNumber": "60001"}])
    box.store.remove("8001")
    assert client.data("create/v2")[0]["sipNumber"] == "60001"
    with pytest.raises(ValueError, match="9999"):
        box.store.remove("9999")


STEPS = st.lists(st.tuples(st.sampled_from(["give", "bind", "unbind"]), st.integers(0, 2), st.integers(1, 4)))


def assert_lowest_free_number_after(store: AgentStore, steps: list[tuple[str, int, int]]) -> None:
    """Takes steps (what to do, agent, sipid), and asserts of each number given that a plain set would give it."""
    held: dict[int, int] = {}
    for action, agent, wanted in steps:
        free = [sipid for sipid in range(1, 5) if sipid not in held.values()]
        sipid = wanted if action == "bind" and wanted in free else None
        if action == "give" and agent not in held:
            [sipid] = store.pool.take(1)
            assert sipid == free[0]
        held.pop(agent, None)
        if sipid is not None:
            held[agent] = sipid
        store.bind(str(agent), sipid)


@settings(deadline=None, max_examples=examples(200))
@example([("give", 0, 1), ("unbind", 0, 1), ("bind", 1, 1), ("give", 2, 1)])
@given(STEPS)
def test_the_lowest_free_number_is_given(steps: list[tuple[str, int, int]]) -> None:
    """After any steps, the pool gives the lowest number that nobody holds."""
    with closing(AgentStore(sip_numbers=4)) as store:
        Console(store).reset({"operatorId": str(n)} for n in range(3))
        with store.transaction():
            assert_lowest_free_number_after(store, steps)
