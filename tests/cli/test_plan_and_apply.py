"""`plan` and `apply` against the sandbox, as processes."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reconciler.sandbox.server import Box, running
from tests.process import TOKEN, Workplace

HEAD = "version: 1\ncompany: {abbreviate: acme, companyId: 4242}\n"


def agents(*lines: str, head: str = HEAD) -> str:
    """A file of these agents, in flow style."""
    return head + "agents:\n" + "".join(f"  - {{operatorId: {line}}}\n" for line in lines)


def test_the_main_job(place: Workplace, box: Box) -> None:
    """Plan shows what apply then does; afterwards the plan is empty, and exit codes say so all along."""
    box.store.reset([{"operatorId": "8001", "name": "张三", "afterInterval": 5}, {"operatorId": "8009"}])
    place.write(agents('"8001", name: 张三, afterInterval: 10', '"8002", name: 李四, status: disabled'))
    planned = place.run("plan")
    assert planned.code == 0
    assert "1 to create, 1 to edit, 1 to delete" in planned.out
    assert place.run("plan", "--detailed-exitcode").code == 2
    applied = place.run("apply", "--auto-approve")
    assert applied.code == 0
    assert "Applied 3 of 3 actions." in applied.out
    assert "Read back: every agent is as desired." in applied.out
    live = box.store.agents()
    assert sorted(live) == ["8001", "8002"]
    assert live["8001"]["afterInterval"] == 10
    assert (live["8002"]["name"], live["8002"]["status"]) == ("李四", 0)
    assert place.run("plan", "--detailed-exitcode").code == 0


def test_plan_changes_nothing(place: Workplace, box: Box) -> None:
    """`plan` sends no write, and leaves no file behind."""
    box.store.reset([{"operatorId": "8001"}])
    place.write(agents('"8002", password: {generate: true, version: 1}'))
    assert place.run("plan").code == 0
    assert box.store.history() == []
    assert sorted(path.name for path in place.folder.iterdir()) == ["agents.yaml"]


def test_the_plan_document(place: Workplace, box: Box) -> None:
    """`--format json` is the plan's document (docs/formats.md), alone on stdout, with canonical values."""
    box.store.reset([{"operatorId": "8001", "name": "张三", "operatorType": 1}, {"operatorId": "8003", "name": "王五"}])
    place.write(agents('"8001", operatorType: 0, roleName: 客服', '"8002", isrecord: 0, status: 0'))
    ran = place.run("plan", "--format", "json")
    assert ran.code == 0
    document = ran.json
    assert document["format"] == "reconciler.plan/1"
    assert document["company"] == {"abbreviate": "acme", "companyId": 4242}
    assert document["desired"]["files"] == ["agents.yaml"]
    assert document["live"] == {"agents": 2, "in_scope": 2}
    kinds = {"create": 1, "edit": 1, "replace": 0, "delete": 1, "password": 0, "blocked": 0, "unchanged": 0}
    assert document["summary"] == kinds
    assert document["calls"] == {"create": 1, "edit": 2, "delete": 1, "password": 0, "total": 4, "reads": 2}
    edit, create, delete = document["actions"]
    assert (edit["action"], edit["operatorId"], edit["name"]) == ("edit", "8001", "张三")
    assert edit["source"] == {"file": "agents.yaml", "line": 4}
    assert edit["changes"] == [
        {"field": "operatorType", "before": "leader", "after": "agent"},
        {"field": "roleName", "before": None, "after": "客服", "before_known": False},
    ]
    assert {"field": "isrecord", "before": None, "after": False} in create["changes"]
    assert {"field": "status", "before": None, "after": "disabled"} in create["changes"]
    assert (delete["action"], delete["source"], len(delete["live_sha256"])) == ("delete", None, 64)


def test_output_goes_to_a_file(place: Workplace) -> None:
    """`--output` writes what stdout would have shown, and stdout stays empty."""
    place.write(agents('"8001"'))
    ran = place.run("plan", "--format", "json", "--output", "plan.json")
    assert (ran.code, ran.out) == (0, "")
    assert json.loads((place.folder / "plan.json").read_text())["summary"]["create"] == 1
    assert place.run("plan", "--output", "no/such/folder").code == 1


def test_passwords_reach_the_vendor(place: Workplace, box: Box) -> None:
    """Passwords from env, file and generation become what the vendor has; the ledger has their versions."""
    box.store.reset([{"operatorId": "8001"}, {"operatorId": "8002"}, {"operatorId": "8003"}])
    (place.folder / "pw").write_text("from-a-file-密码\n")
    place.write(
        agents(
            '"8001", password: {env: AGENT_PW1, version: 3}',
            '"8002", password: {file: pw, version: 1}',
            '"8003", password: {generate: true, version: 1}',
            '"8004", password: {env: AGENT_PW1, version: 1}',
            '"8005"',
        )
    )
    assert place.run("apply", "-y", env={"AGENT_PW1": "from-the-environment"}).code == 0
    stored = {id_: agent["password_md5"] for id_, agent in box.store.agents().items()}
    known = {line["operatorId"]: line["password"] for line in place.credentials}
    assert known["8001"] == known["8004"] == "from-the-environment"
    assert known["8002"] == "from-a-file-密码"
    assert len(known["8003"]) >= 16
    assert len(known["8005"]) >= 16
    assert stored == {id_: hashlib.md5(password.encode()).hexdigest() for id_, password in known.items()}
    versions = {id_: entry.get("passwordVersion") for id_, entry in place.ledger["agents"].items()}
    assert versions == {"8001": 3, "8002": 1, "8003": 1, "8004": 1, "8005": None}
    assert place.run("plan", "--detailed-exitcode").code == 0
    place.write(agents('"8001", password: {env: AGENT_PW1, version: 4}', *(f'"800{n}"' for n in (2, 3, 4, 5))))
    document = place.run("plan", "--format", "json").json
    assert [(a["action"], a["operatorId"]) for a in document["actions"]] == [("password", "8001")]
    assert document["actions"][0]["changes"] == [{"field": "password.version", "before": 3, "after": 4}]


def test_missing_passwords_stop_before_the_first_write(place: Workplace, box: Box) -> None:
    """Every password that apply needs is read and checked first; all that is wrong is said at once."""
    box.store.reset([{"operatorId": "8001", "name": "x"}])
    (place.folder / "short").write_text("12345")
    place.write(
        agents(
            '"8001", name: y, password: {env: AGENT_NOT_SET, version: 1}',
            '"8002", password: {file: short, version: 1}',
            '"8003", password: {file: nowhere, version: 1}',
        )
    )
    ran = place.run("apply", "-y")
    assert ran.code == 1
    assert "agents.yaml:4:5: 8001.password: environment variable AGENT_NOT_SET is not set" in ran.err
    assert "has 5 characters" in ran.err
    assert "nowhere cannot be read" in ran.err
    assert box.store.history() == []


def test_credentials_hold_both_parts(place: Workplace, box: Box) -> None:
    """A created agent's line has the password first, then the SIP part too; the file is private and git ignores it."""
    place.write(agents('"8001"', '"8002", sipNumber: null', '"8003", sipNumber: "60009"'))
    assert place.run("apply", "-y").code == 0
    live = box.store.agents()
    lines = place.credentials
    for operator_id, number in (("8001", live["8001"]["sipNumber"]), ("8003", "60009")):
        first, *_, last = (line for line in lines if line["operatorId"] == operator_id)
        assert set(first) == {"operatorId", "password", "sipNumber", "sipPassword", "at"}
        assert (first["sipNumber"], first["sipPassword"]) == (None, None)
        assert last["password"] == first["password"]
        assert (last["sipNumber"], last["sipPassword"]) == (number, live[operator_id]["sipPassword"])
    assert live["8002"]["sipNumber"] is None
    folder = place.folder / ".reconciler"
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, place.books)} == {0o700}
    assert (folder / ".gitignore").read_text() == "*\n"
    assert {stat.S_IMODE(file.stat().st_mode) for file in place.books.glob("*.json*")} == {0o600}


def test_without_approval_nothing_is_done(place: Workplace, box: Box) -> None:
    """Without a terminal and without `--auto-approve`, apply refuses rather than asks, and says how to go on."""
    place.write(agents('"8001"'))
    ran = place.run("apply", stdin="yes\n")
    assert ran.code == 3
    assert "--auto-approve" in ran.err
    assert box.store.history() == []


@pytest.mark.exhaustive(3)
@pytest.mark.parametrize(("answer", "code", "alive"), [("yes\n", 0, 1), ("y\n", 3, 0), ("\n", 3, 0)])
def test_apply_asks_on_a_terminal(place: Workplace, box: Box, answer: str, code: int, alive: int) -> None:
    """On a terminal apply asks, and only a written-out yes goes on."""
    place.write(agents('"8001"'))
    ours, theirs = os.openpty()
    environment = {name: value for name, value in place.environment().items() if name != "CI"}
    with subprocess.Popen(
        [sys.executable, "-m", "reconciler", "apply"],
        cwd=place.folder, env=environment, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs,
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        while b"Only 'yes' goes on" not in shown:
            shown += os.read(ours, 4096)
        os.write(ours, answer.encode())
        output, _ = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == code
    assert "1 to create" in output.decode()
    assert len(box.store.agents()) == alive


BIG = [{"operatorId": str(8000 + n)} for n in range(20)]


def test_guardrails_trip(place: Workplace, box: Box) -> None:
    """A fifth of the live agents may go by default; a trip shows the plan, whom, the limit and how to go on: exit 3."""
    box.store.reset(BIG)
    place.write(agents(*(f'"{8000 + n}"' for n in range(15))))
    for command in (("plan",), ("apply", "-y")):
        ran = place.run(*command)
        assert ran.code == 3
        assert "Guardrail maxDeletes: 5 planned, 4 allowed (limit 20%, by default)" in ran.out
        assert "by default): 8015…8019" in ran.out
        assert "--max-deletes" in ran.out
        assert "5 to delete" in ran.out
    assert box.store.history() == []
    assert place.run("apply", "-y", "--max-deletes", "5").code == 0
    assert len(box.store.agents()) == 15


def test_guardrails_of_the_file(place: Workplace, box: Box) -> None:
    """`maxChanges` and `maxDeletes` of the file hold, as counts and percentages, and flags override them."""
    box.store.reset(BIG[:4])
    head = HEAD + "guardrails: {maxDeletes: 25%, maxChanges: 1}\n"
    place.write(agents('"8000"', '"8001", name: x', head=head))
    ran = place.run("plan", "--format", "json")
    assert ran.code == 3
    assert [(g["rule"], g["limit"], g["allowed"], g["planned"], g["ok"]) for g in ran.json["guardrails"]] == [
        ("maxDeletes", "25%", 1, 2, False),
        ("maxChanges", "1", 1, 3, False),
    ]
    assert place.run("plan", "--max-deletes", "2").code == 3
    assert place.run("plan", "--max-deletes", "50%", "--max-changes", "3").code == 0


def test_a_file_without_agents_never_prunes(place: Workplace, box: Box) -> None:
    """A desired state without agents deletes nobody, whatever the flags say."""
    box.store.reset(BIG[:3])
    place.write(HEAD + "agents: []\n")
    ran = place.run("apply", "-y", "--max-deletes", "100%")
    assert ran.code == 3
    assert "emptyDesired" in ran.out
    assert len(box.store.agents()) == 3


def test_scope_protect_and_prune(place: Workplace, box: Box) -> None:
    """Out of scope is not looked at; protected and unpruned agents are kept, and the plan says so."""
    box.store.reset([{"operatorId": id_} for id_ in ("8001", "8002", "8999", "9001")])
    head = HEAD + 'scope: {operatorId: ["8*"]}\nprotect: ["8999"]\n'
    place.write(agents('"8001"', head=head))
    ran = place.run("apply", "-y")
    assert ran.code == 0
    assert "kept because they are protected: 8999" in ran.out
    assert sorted(box.store.agents()) == ["8001", "8999", "9001"]
    box.store.put("8002")
    place.write(agents('"8001"', head=head + "prune: false\n"))
    ran = place.run("apply", "-y")
    assert ran.code == 0
    assert "kept because nothing is pruned: 8002" in ran.out
    assert sorted(box.store.agents()) == ["8001", "8002", "8999", "9001"]


def test_a_fixed_field_is_blocked(place: Workplace, box: Box) -> None:
    """What is fixed at creation blocks the whole run; `--allow-replace` makes the agent anew with all it had."""
    was = {"operatorId": "8001", "name": "张三", "judge": 1, "sipNumber": "60007", "mainGroupName": "组", "status": 0,
           "ttscontent": "您好", "afterInterval": 7}  # fmt: skip
    box.store.reset([was, {"operatorId": "8002", "afterInterval": 9}])
    place.write(agents('"8001", judge: false', '"8002", afterInterval: 0', '"8003"'))
    ran = place.run("apply", "-y")
    assert ran.code == 3
    assert "judge can be set only at creation; take the key out of the file" in ran.out
    assert "afterInterval 0 can be set only at creation" in ran.out
    assert box.store.history() == []
    document = place.run("plan", "--format", "json").json
    assert document["summary"]["blocked"] == 2
    assert sum("blocked" in action for action in document["actions"]) == 2
    assert place.run("apply", "-y", "--allow-replace").code == 0
    live = box.store.agents()
    assert {name: live["8001"][name] for name in was if name != "judge"} == {
        n: v for n, v in was.items() if n != "judge"
    }
    assert live["8001"]["judge"] == 0
    assert live["8002"]["afterInterval"] == 0
    assert place.run("plan", "--detailed-exitcode").code == 0


def test_protect_wins_over_replace(place: Workplace, box: Box) -> None:
    """A protected agent is not replaced, even with `--allow-replace`."""
    box.store.reset([{"operatorId": "8001", "judge": 1}])
    place.write(agents('"8001", judge: false', head=HEAD + 'protect: ["8001"]\n'))
    ran = place.run("apply", "-y", "--allow-replace")
    assert ran.code == 3
    assert "protected from being replaced" in ran.out
    assert box.store.history() == []


def test_sip_numbers_rotate(place: Workplace, box: Box) -> None:
    """Numbers swap, rotate, and come from deleted agents, while new agents take only what is really free."""
    numbers = {f"{8000 + n}": str(60000 + n) for n in range(1, 7)}
    box.store.reset([{"operatorId": id_, "sipNumber": number} for id_, number in numbers.items()])
    wanted = {"8001": "60002", "8002": "60001", "8003": "60004", "8004": "60005", "8005": "60003", "8007": "60006"}
    lines = [f'"{id_}", sipNumber: "{number}"' for id_, number in wanted.items()]
    place.write(agents(*lines, '"7001"', '"9001"'))
    assert place.run("apply", "-y").code == 0
    live = {id_: agent["sipNumber"] for id_, agent in box.store.agents().items()}
    assert {id_: live[id_] for id_ in wanted} == wanted
    assert {live["7001"], live["9001"]} == {"60007", "60008"}


def test_one_agents_failure_stops_nobody_else(place: Workplace, box: Box) -> None:
    """A refused agent is reported with the vendor's words and code; the others are done; exit 4, and then 0."""
    place.write(agents('"8001", sipNumber: "11111"', '"8002", name: 李四'))
    ran = place.run("apply", "-y", "--format", "json")
    assert ran.code == 4
    assert ran.json["exit_code"] == 4
    outcomes = {result["operatorId"]: result["outcome"] for result in ran.json["results"]}
    assert outcomes == {"8001": "partly", "8002": "done"}
    message = next(result["message"] for result in ran.json["results"] if result["operatorId"] == "8001")
    assert "号码 11111 不存在" in message
    assert "(code 20007)" in message
    place.write(agents('"8001", sipNumber: "60011"', '"8002", name: 李四'))
    assert place.run("apply", "-y").code == 0


def test_an_apply_in_which_nothing_succeeds_is_1(place: Workplace, box: Box) -> None:
    """Exit 1, not 4, when not one call was carried out."""
    box.store.reset([{"operatorId": "8001"}])
    place.write(agents('"8001", sipNumber: "11111"'))
    ran = place.run("apply", "-y")
    assert ran.code == 1
    assert "failed  edit 8001" in ran.out


def test_a_wrong_token_shows_the_vendors_words(place: Workplace) -> None:
    """A wrong token: the vendor's own words and what to check, exit 1; the token itself is never shown."""
    place.write(agents('"8001"'))
    for command in (("plan",), ("apply", "-y"), ("plan", "--format", "json")):
        ran = place.run(*command, env={"RECONCILER_TOKEN": "wrong-token-canary"})
        assert ran.code == 1
        assert "token无效或已过期 (code 401)" in ran.err
        assert "check the token" in ran.err
        assert "wrong-token-canary" not in ran.out + ran.err


def test_no_connection_is_1(offline: Workplace) -> None:
    """Nobody listening: exit 1, with the host, and the JSON error alone on stdout."""
    offline.write(agents('"8001"'))
    ran = offline.run("plan", "--format", "json", env={"RECONCILER_TIMEOUT": "1"})
    assert ran.code == 1
    assert "no connection to 127.0.0.1" in ran.json["error"]["message"]


def test_events_are_written(place: Workplace) -> None:
    """`--events` gets a JSON line for each call, and `apply --format json` one document with plan and results."""
    place.write(agents('"8001", status: disabled', '"8002", name: b', '"8003", name: b'))
    ran = place.run("apply", "-y", "--format", "json", "--events", "events.jsonl")
    assert ran.code == 0
    assert ran.json["plan"]["summary"]["create"] == 3
    assert ran.json["verified"] is True
    events = [json.loads(line) for line in (place.folder / "events.jsonl").read_text().splitlines()]
    assert sorted((event["call"], *event["operatorIds"]) for event in events) == [
        ("create", "8001"),
        ("create", "8002", "8003"),
        ("edit", "8001"),
    ]
    assert {event["outcome"] for event in events} == {"done"}


def test_a_damaged_ledger_is_an_error(place: Workplace, box: Box) -> None:
    """A ledger that cannot be read is never taken for an empty one."""
    box.store.reset([{"operatorId": "8001"}])
    place.write(agents('"8001", password: {generate: true, version: 1}'))
    assert place.run("apply", "-y").code == 0
    (place.books / "ledger.json").write_text('{"format": "reconc')
    ran = place.run("apply", "-y")
    assert ran.code == 1
    assert "is damaged" in ran.err
    assert len(box.store.history()) == 1


def test_a_token_file_must_be_private(place: Workplace) -> None:
    """The token may come from a file, when nobody else can read it."""
    place.write(agents('"8001"'))
    file = place.folder / "token"
    file.write_text(TOKEN + "\n")
    file.chmod(0o644)
    settings = {"RECONCILER_TOKEN": ""}
    assert place.run("plan", "--token-file", str(file), env=settings).code == 64
    file.chmod(0o600)
    assert place.run("plan", "--token-file", str(file), env=settings).code == 0


@pytest.mark.exhaustive(2)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_records_what_is_in_flight(tmp_path: Path, number: signal.Signals) -> None:
    """Interrupted: what is in flight ends and is recorded, the rest is left, exit 130; apply then goes on."""
    with running(token=TOKEN, latency=50) as box:
        place = Workplace(tmp_path, box.url, {"RECONCILER_PARALLELISM": "2"})
        place.write(agents(*(f'"{8000 + n}", password: {{generate: true, version: 1}}' for n in range(40))))
        with subprocess.Popen(
            [sys.executable, "-m", "reconciler", "apply", "-y", "--format", "json"],
            cwd=tmp_path, env=place.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            while len(box.store.history()) < 6:
                time.sleep(0.01)
            process.send_signal(number)
            output, _ = process.communicate(timeout=60)
        assert process.returncode == 130
        report = json.loads(output)
        done = {result["operatorId"] for result in report["results"] if result["outcome"] == "done"}
        assert done == set(box.store.agents()) == set(place.ledger["agents"])
        assert 6 <= len(done) < 40
        assert place.run("apply", "-y").code == 0
        stored = {id_: agent["password_md5"] for id_, agent in box.store.agents().items()}
        known = {line["operatorId"]: line["password"] for line in place.credentials}
        assert stored == {id_: hashlib.md5(known[id_].encode()).hexdigest() for id_ in stored}
        creates = [written for written in box.store.history() if written.endpoint == "create/v2"]
        assert len(creates) == 40


def test_accepted_but_not_done_is_4(tmp_path: Path) -> None:
    """What the vendor accepts and does not do is reported by agent and field after the read-back: exit 4."""
    with running(token=TOKEN) as box:
        box.store.reset([{"operatorId": "8001", "name": "old"}])
        place = Workplace(tmp_path, box.url)
        place.write(agents('"8001", name: new'))
        edit = box.store.put

        # The console undoes the edit between the write and the read-back: seen from outside, it was not done.
        environment = place.environment({"RECONCILER_RATE": "3"})
        with subprocess.Popen(
            [sys.executable, "-m", "reconciler", "apply", "-y"],
            cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            while not box.store.history():
                time.sleep(0.005)
            edit("8001", name="other")
            output, _ = process.communicate(timeout=60)
        assert process.returncode == 4
        assert "! not so  8001" in output.decode()
        assert "name: wanted new, is other" in output.decode()


def test_chinese_names_line_up_and_there_is_no_colour_in_a_pipe(place: Workplace, box: Box) -> None:
    """In a pipe there is no escape sequence; the places stand in one column whatever the names."""
    from rich.cells import cell_len

    box.store.reset([{"operatorId": "8001", "name": "a"}, {"operatorId": "8002", "name": "张三丰"}])
    place.write(agents('"8001", bindcode: "1"', '"8002", bindcode: "1"'))
    ran = place.run("plan", env={"FORCE_COLOR": "1"})
    assert ran.code == 0
    assert "\x1b" not in ran.out
    heads = [line for line in ran.out.splitlines() if line.startswith("~ edit")]
    assert len({cell_len(line[: line.index("agents.yaml")]) for line in heads}) == 1
