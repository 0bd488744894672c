"""What a credentials file says once passwords of it were withdrawn: the latest that is true."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.core.model.secret import Secret
from reconciler.credentials.delivered import read_credentials
from reconciler.credentials.delivery import Credential, CredentialsFile
from reconciler.sandbox.server import Box
from tests.process import Workplace

from .keys import Key, age_key, sealed_file

HEAD = {"version": 1, "company": {"abbreviate": "acme", "companyId": 4242}}


def clock() -> Callable[[], datetime]:
    """A clock that is a second later each time."""
    times: Iterator[datetime] = (
        datetime(2026, 11, 22, 10, 0, tzinfo=UTC) + timedelta(seconds=second) for second in range(100_000)
    )
    return lambda: next(times)


def only(path: Path, identity: Path | None = None) -> Credential:
    """What the file says of its one agent."""
    (found,) = read_credentials(path, identity).credentials
    return found


def shown(credential: Credential) -> tuple[str | None, str | None, str | None]:
    """Its password, SIP number and SIP password."""
    password, sip = credential.password, credential.sip_password
    return password.reveal() if password else None, credential.sip_number, sip.reveal() if sip else None


def test_a_refused_version_gives_way_to_the_one_before(place: Workplace, box: Box) -> None:
    """Version 1 set by one run, version 2 refused in the next, in one file: version 1 is shown, with its time."""
    box.store.reset([{"operatorId": "8001"}])
    agent = {"operatorId": "8001", "password": {"env": "AGENT_GIVEN", "version": 1}}
    command = ("apply", "-y", "--credentials", "out.jsonl")
    place.write(json.dumps({**HEAD, "agents": [agent]}))
    assert place.run(*command, env={"AGENT_GIVEN": "version-one"}).code == 0
    first = place.run("credentials", "out.jsonl", "--format", "json").json
    agent["password"] = {"env": "AGENT_GIVEN", "version": 2}
    place.write(json.dumps({**HEAD, "agents": [agent]}))
    box.faults([{"endpoint": "editPwd", "fault": "refuse"}])
    assert place.run(*command, env={"AGENT_GIVEN": "version-two"}).code == 1
    box.faults([])
    ran = place.run("credentials", "out.jsonl", "--format", "json")
    assert (ran.code, ran.json) == (0, first)
    assert ran.json["credentials"][0]["password"] == "version-one"
    table = place.run("credentials", "out.jsonl").out
    assert "version-one" in table
    assert "version-two" not in table


def test_a_server_error_in_the_envelope_withdraws_no_password(place: Workplace, box: Box) -> None:
    """The vendor sets it and answers a code 500: it may be true, so it stays, and the next run sets it again."""
    box.store.reset([{"operatorId": "8001"}])
    agent = {"operatorId": "8001", "password": {"env": "AGENT_GIVEN", "version": 1}}
    command = ("apply", "-y", "--credentials", "out.jsonl")
    place.write(json.dumps({**HEAD, "agents": [agent]}))
    assert place.run(*command, env={"AGENT_GIVEN": "version-one"}).code == 0
    agent["password"] = {"env": "AGENT_GIVEN", "version": 2}
    place.write(json.dumps({**HEAD, "agents": [agent]}))
    box.faults([{"endpoint": "editPwd", "fault": "refuse-after"}])
    ran = place.run(*command, "--format", "json", env={"AGENT_GIVEN": "version-two"})
    box.faults([])
    assert ran.code == 1
    assert "outcome unknown: the vendor refused" in ran.out
    shown = place.run("credentials", "out.jsonl", "--format", "json").json
    assert shown["credentials"][0]["password"] == "version-two"
    agent["password"] = {"env": "AGENT_GIVEN", "version": 1}
    place.write(json.dumps({**HEAD, "agents": [agent]}))
    back = place.run("plan", "--format", "json").json
    assert [action["action"] for action in back["actions"]] == ["password"]


def test_a_sealed_file(tmp_path: Path) -> None:
    """The same in an encrypted file, during the run and after it, with the SIP part as it was."""
    key: Key = age_key(tmp_path)
    path = tmp_path / "out.age"
    file = sealed_file(path, key.recipient)
    file.write("8001", Secret("version-one"))
    file.write("8001", None, "60001", Secret("sip-one"))
    file.write("8001", Secret("version-two"))
    file.withdraw("8001")
    assert shown(only(path, key.identity)) == ("version-one", "60001", "sip-one")
    file.close()
    assert shown(only(path, key.identity)) == ("version-one", "60001", "sip-one")


def test_another_runs_password_is_withdrawn_by_its_time(tmp_path: Path) -> None:
    """A run withdraws a password of an earlier one unseen: the last one since that began, or none."""
    path, time = tmp_path / "out.jsonl", clock()
    file = CredentialsFile(path, time)
    file.write("8001", Secret("version-one"))
    file.write("8002", Secret("of-another-run"))
    began = time().isoformat().replace("+00:00", "Z")
    file.write("8001", Secret("never-sent"))
    file.close()
    later = CredentialsFile(path, time)
    later.withdraw_stored(["8001", "8002"], began)
    later.close()
    said = {each.operator_id: shown(each)[0] for each in read_credentials(path, None).credentials}
    assert said == {"8001": "version-one", "8002": "of-another-run"}
    assert not later.to_hand_over


def old(**values: object) -> str:
    """A line as version 0.1.0 wrote it."""
    blank = dict.fromkeys(("password", "sipNumber", "sipPassword"))
    return json.dumps({"operatorId": "8001", **blank, "at": "2026-11-22T10:00:00Z", **values}) + "\n"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([old(password="one"), old(withdrawn=True)], (None, None, None)),
        ([old(password="one"), old(password="two"), old(withdrawn=True)], ("one", None, None)),
        (
            [old(password="one"), old(password="one", sipNumber="6", sipPassword="s"), old(withdrawn=True)],
            (None, "6", "s"),
        ),
        (
            [
                old(password="one", sipNumber="6", sipPassword="s"),
                old(password="two"),
                old(password="two", sipNumber="7", sipPassword="t"),
                old(withdrawn=True),
            ],
            ("one", "7", "t"),
        ),
        ([old(password="one"), old(password="one"), old(withdrawn=True)], ("one", None, None)),
        ([old(withdrawn=True), old(password="one")], ("one", None, None)),
    ],
)
def test_a_withdrawal_of_version_0_1_0(
    tmp_path: Path, lines: list[str], expected: tuple[str | None, str | None, str | None]
) -> None:
    """A line that names no password withdraws the one before it, and what is left is shown."""
    path = tmp_path / "old.jsonl"
    path.write_text("".join(lines))
    path.chmod(0o600)
    assert shown(only(path)) == expected


def test_a_withdrawal_names_its_password(tmp_path: Path) -> None:
    """It takes away that password and no other, also where the line that set it was torn, or another came since."""
    path = tmp_path / "out.jsonl"
    with closing(CredentialsFile(path, clock())) as file:
        file.write("8001", Secret("version-one"))
        file.write("8001", Secret("version-two"))
        file.withdraw("8001")
    first, second, withdrawal = path.read_text().splitlines()
    assert (json.loads(withdrawal)["withdraws"], json.loads(withdrawal)["password"]) == ("version-two", None)
    assert withdrawal.endswith('"withdrawn": true}')
    for lines, expected in (
        ((first, second[:20], withdrawal), "version-one"),
        ((second, first, withdrawal), "version-one"),
        ((second, withdrawal), None),
    ):
        path.write_text("\n".join(lines) + "\n")
        assert shown(only(path))[0] == expected


def test_nothing_is_withdrawn_that_was_not_written(tmp_path: Path) -> None:
    """A run that wrote no password for an agent takes none away: an older one of the file holds."""
    path = tmp_path / "out.jsonl"
    with closing(CredentialsFile(path, clock())) as file:
        file.write("8001", Secret("version-one"))
    with closing(CredentialsFile(path, clock())) as file:
        file.withdraw("8001")
        file.write("8001", Secret("version-two"))
        file.withdraw("8001")
        file.withdraw("8001")
    assert shown(only(path))[0] == "version-one"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["pw-a", "pw-b", "pw-c"]),
            st.sampled_from(["kept", "withdrawn", "sip"]),
            st.booleans(),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_the_latest_that_is_true(tmp_path: Path, story: list[tuple[str, str, bool]]) -> None:
    """Whatever was set, completed and withdrawn, by however many runs, also one password twice: the last that holds."""
    path = tmp_path / "law.jsonl"
    path.unlink(missing_ok=True)
    times, true, sip = clock(), None, None
    file = CredentialsFile(path, times)
    for number, (password, end, another_run) in enumerate(story):
        if another_run:
            file.close()
            file = CredentialsFile(path, times)
        file.write("8001", Secret(password))
        if end == "withdrawn":
            file.withdraw("8001")
            continue
        true = password
        if end == "sip":
            sip = str(60000 + number)
            file.write("8001", None, sip, Secret(f"sip-{number}"))
    file.close()
    found = only(path)
    assert shown(found)[:2] == (true, sip)
    assert found.at is not None
