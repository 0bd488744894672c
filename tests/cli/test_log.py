"""The log of `-v`, `-vv` and `--log-format json`: each request and each wait, and never what a request held."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.log_lines import log_to
from reconciler.cli.shell import Shell
from reconciler.log import LOG
from reconciler.sandbox.server import Box
from reconciler.vendor.retry import Budget
from tests.ledger.git_branch.host import ALONE, BRANCH, made
from tests.process import TOKEN, Ran, Workplace
from tests.sandbox.wire import until

FILE = """version: 1
company: {abbreviate: acme, companyId: 4242}
agents:
  - {operatorId: "8001", name: 张三, password: {env: AGENT_8001, version: 1}}
"""
GIVEN = "given-password-Xy1"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def here(place: Workplace, box: Box) -> Workplace:
    """A place with an agent whose name and password are to be set."""
    box.faults([])
    box.store.reset([{"operatorId": "8001"}])
    place.write(FILE)
    place.env |= {"AGENT_8001": GIVEN, "RECONCILER_LOG_FORMAT": "json"}
    return place


def lines(ran: Ran) -> list[dict[str, Any]]:
    """Every line on stderr, each of which is JSON."""
    return [json.loads(line) for line in ran.err.splitlines()]


def of(ran: Ran, event: str) -> list[dict[str, Any]]:
    """The lines that tell of one kind of event."""
    return [line for line in lines(ran) if line["event"] == event]


def test_each_request_is_told(here: Workplace, box: Box) -> None:
    """Endpoint, outcome, milliseconds, which try it was, how long it waited; a refusal has its code, and no words."""
    box.faults(
        [
            {"endpoint": "edit/v2", "fault": "429", "retryAfter": 1, "calls": [1]},
            {"endpoint": "editPwd", "fault": "refuse", "code": 20005, "msg": "words of the vendor", "calls": [1]},
        ]
    )
    ran = here.run("-v", "apply", "-y")
    told = [(line["endpoint"], line["outcome"], line["attempt"], line.get("code")) for line in of(ran, "request")]
    assert [told[0], told[-1]] == [("page", "ok", 1, None)] * 2
    assert sorted(told[1:-1], key=str) == [
        ("edit", "not-sent", 1, None), ("edit", "ok", 2, None), ("password", "refused", 1, 20005),
    ]  # fmt: skip
    assert all(type(line[key]) is int for line in of(ran, "request") for key in ("ms", "wait", "attempt"))
    assert all(line["at"].endswith("Z") and line["level"] == "info" for line in lines(ran))
    logged = "".join(json.dumps(line, ensure_ascii=False) for line in lines(ran) if line["event"] != "message")
    assert [text for text in ("words of", "张三", "8001", GIVEN, TOKEN) if text in logged] == []


def test_waits_are_told(here: Workplace, box: Box) -> None:
    """Whoever waits for the rate because the vendor asked for it, and for the time of a repetition, says so."""
    box.faults([
        {"endpoint": "edit/v2", "fault": "429", "retryAfter": 1, "calls": [1]},
        {"endpoint": "editPwd", "fault": "drop-before", "calls": [1]},
    ])  # fmt: skip
    ran = here.start_and_run("-vv", "apply", "-y", "--parallelism", "1")
    assert {wait["for"] for wait in of(ran, "wait")} == {"rate", "repetition"}
    assert {wait["level"] for wait in of(ran, "wait") if wait["ms"] > 1000} == {"info"}
    assert len(of(ran, "lock")) == 1


@pytest.fixture
def log() -> Iterator[None]:
    """The log of this process, for one test; those that come after it are as quiet as they were."""
    log_to(Shell().log, 2)
    yield
    LOG.handlers = []
    LOG.setLevel(logging.NOTSET)


@pytest.mark.usefixtures("log")
def test_the_wait_for_the_budget_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Who waits until another repetition is answered says so, and also that nothing is left to spend."""
    budget = Budget(0)
    assert budget.take()
    assert budget.take()
    answers: list[bool] = []
    waiting = threading.Thread(target=lambda: answers.append(budget.take()))
    waiting.start()
    until(lambda: bool(budget._changed._waiters))  # type: ignore[attr-defined]
    threading.Event().wait(0.01)
    budget.give_back(answered=False)
    budget.give_back(answered=False)
    waiting.join()
    assert answers == [False]
    told = capsys.readouterr().err
    assert "wait for=budget ms=" in told
    assert "budget spent" in told


def test_a_trace_is_passed_on(here: Workplace, box: Box) -> None:
    """`TRACEPARENT` and the run's id stand in each line of the log; a text that is no trace does not."""
    ran = here.run("-v", "apply", "-y", "--events", "events.jsonl", env={"TRACEPARENT": TRACE})
    assert {line["traceparent"] for line in lines(ran)} == {TRACE}
    events = [json.loads(line) for line in (here.folder / "events.jsonl").read_text().splitlines()]
    (run,) = {event["run"] for event in events}
    assert {line["run"] for line in of(ran, "request")} == {run}
    assert [record["run"] for record in here.run("history", "--format", "json").json["runs"]] == [run]
    assert TRACE in here.run("-v", "plan", env={"TRACEPARENT": TRACE, "RECONCILER_LOG_FORMAT": "text"}).err
    assert "traceparent" not in here.run("-v", "plan", env={"TRACEPARENT": f"{TRACE}\n::error::x"}).err


def test_events_say_how_long_a_call_took(here: Workplace, box: Box) -> None:
    """Milliseconds until its outcome was settled, repetitions and waits included; `null` where nothing was sent."""
    here.write(FILE + '  - {operatorId: "8002", status: disabled}\n')
    box.faults([
        {"endpoint": "create/v2", "fault": "refuse", "code": 20005},
        {"endpoint": "edit/v2", "fault": "429", "retryAfter": 1, "calls": [1]},
    ])  # fmt: skip
    here.run("apply", "-y", "--parallelism", "1", "--events", "events.jsonl")
    events = [json.loads(line) for line in (here.folder / "events.jsonl").read_text().splitlines()]
    took = {(event["call"], *event["operatorIds"]): event["ms"] for event in events}
    assert type(took["edit", "8001"]) is type(took["create", "8002"]) is int
    assert took["edit", "8002"] is None


def test_calls_of_git_are_told(here: Workplace, tmp_path: Path) -> None:
    """With `-vv` each call of git for a ledger on a branch, by its command, and not with -v; never its arguments."""
    host = made(tmp_path / "books.git")
    here.env |= {**ALONE, "RECONCILER_LEDGER": f"git+{host.url}#{BRANCH}"}
    assert of(here.run("-v", "plan"), "git") == []
    ran = here.run("-vv", "apply", "-y")
    assert {"ls-remote", "push"} <= {line["command"] for line in of(ran, "git")}
    assert all({*line} == {"at", "level", "event", "command", "code", "ms", "run"} for line in of(ran, "git"))


def test_requests_to_a_store_are_told(here: Workplace) -> None:
    """With `-vv` each request to an object store, by operation, outcome and time; never its key or its keys."""
    pytest.importorskip("obstore", reason="the extra `remote` is not installed")
    pytest.importorskip("moto", reason="moto[server] is not installed")
    from tests.ledger.object_store.s3 import BUCKET, KEY_ID, SECRET, environment, serving

    with serving() as server:
        here.env |= {**environment(server.url), "RECONCILER_LEDGER": f"s3://{BUCKET}/acme/canary.json"}
        assert of(here.run("-v", "plan"), "store") == []
        told = of(ran := here.run("-vv", "apply", "-y"), "store")
        here.env |= environment("http://127.0.0.1:1")
        lost = of(here.run("-vv", "plan"), "store")
    assert ran.code == 0, ran.err
    assert {line["operation"] for line in told} == {"get", "put", "list", "delete"}
    assert {line["outcome"] for line in told} == {"ok", "absent", "refused"}
    assert {line["outcome"] for line in lost} == {"failed"}
    assert all({*line} - {"run"} == {"at", "level", "event", "operation", "outcome", "ms"} for line in (*told, *lost))
    logged = json.dumps([*told, *lost])
    assert [text for text in ("canary", KEY_ID, SECRET) if text in logged] == []


def test_without_the_flag_there_is_no_log(here: Workplace) -> None:
    """Nothing but messages, and in text those alone; what is no number or format is wrong usage."""
    assert [line["event"] for line in lines(here.run("plan", "--target", "8001"))] == []
    assert "request" not in here.run("apply", "-y", env={"RECONCILER_LOG_FORMAT": "text"}).err
    assert here.run("plan", env={"RECONCILER_VERBOSE": "much"}).code == 64
    assert here.run("--log-format", "xml", "plan").code == 64


def test_with_json_every_line_is_json(here: Workplace) -> None:
    """Errors too, those of the command line included; what would act on a terminal or a pipeline does not."""
    (told,) = lines(here.run("plan", "--no-such"))
    assert "No such option" in told["message"]
    here.write("version: 1\n  agents: ##[error]x\n")
    ran = here.run("plan")
    assert ran.code == 1
    assert all({*line} - {"code"} == {"at", "level", "event", "message"} for line in lines(ran))
    assert [line["code"] for line in lines(ran) if line["level"] == "error"] == ["invalid-files"]
    assert "##[" not in ran.err
