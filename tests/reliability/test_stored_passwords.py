"""What `credentials` shows as true is what the vendor has, wherever a run dies or its disk fails."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.server import Box
from tests.exhaustive import Share
from tests.process import Workplace
from tests.reliability.killer import Break, Killer

HEAD = "version: 1\ncompany: {abbreviate: acme, companyId: 4242}\nagents:\n"
AGENT = '  - {{operatorId: "{id}", name: a, password: {{generate: true, version: {version}}}}}\n'
FIRST = HEAD + AGENT.format(id="8001", version=1) + AGENT.format(id="8200", version=1)
SECOND = HEAD + AGENT.format(id="8001", version=2) + AGENT.format(id="8200", version=2)
CREATED = '  - {operatorId: "8300", name: a}\n'
BACK = HEAD + AGENT.format(id="8001", version=2) + AGENT.format(id="8200", version=1)
APPLY = ("apply", "-y", "--parallelism", "1")
KILL, FULL = Break("kill"), Break("fail", error=errno.ENOSPC)


@pytest.fixture(scope="module")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    """What starts processes that die."""
    with Killer(tmp_path_factory.mktemp("logs")) as made_here:
        yield made_here


@pytest.fixture
def begun(box: Box, tmp_path: Path) -> Callable[[str], Workplace]:
    """A folder whose agents have got their first passwords, and whose file asks for others, and for one agent more."""

    def begin(name: str) -> Workplace:
        place = Workplace(tmp_path / name, box.url, {})
        place.folder.mkdir()
        box.store.reset([])
        place.write(FIRST)
        assert place.run("apply", "-y").code == 0
        place.write(SECOND + CREATED)
        return place

    return begin


def untrue(place: Workplace, box: Box) -> set[str]:
    """Of whom, of those that are there, the command shows a password as true that the vendor does not have."""
    live = box.store.agents()
    return {
        each["operatorId"]
        for each in place.run("credentials", "--format", "json").json["credentials"]
        if each["operatorId"] in live
        and each["password"] is not None
        and not each.get("inDoubt")
        and hashlib.md5(each["password"].encode()).hexdigest() != live[each["operatorId"]]["password_md5"]
    }


def of_8200(place: Workplace) -> dict[str, object]:
    """What the command says of that agent."""
    (said,) = place.run("credentials", "8200", "--format", "json").json["credentials"]
    return dict(said)


def broken(place: Workplace, killer: Killer, breaking: Break) -> list[str]:
    """An apply that breaks so; its points up to there."""
    started = killer.start(place.folder, place.environment(), *APPLY, breaking=breaking)
    killer.wait(started)
    return started.trace


@pytest.mark.exhaustive(1)
@pytest.mark.parametrize("breaking", [KILL, FULL], ids=["killed", "full"])
@pytest.mark.parametrize("first", ["back", "exclude"])
def test_nothing_untrue_is_shown_as_true(
    begun: Callable[[str], Workplace], box: Box, killer: Killer, share: Share, breaking: Break, first: str
) -> None:
    """Wherever it breaks: then, once the file asks for the old version again, without the agent, with a newcomer."""
    trace = broken(begun("whole"), killer, breaking)
    books = [number for number, point in enumerate(trace, 1) if "journal" in point or "credentials" in point]
    assert len(books) > 10
    wrong = []
    for number in share.of(books, 4):
        place = begun(str(number))
        broken(place, killer, Break(breaking.how, number, breaking.error))
        said = [untrue(place, box)]
        if "8300" not in box.store.agents():
            box.store.put("8300", name="stranger", password="of-a-stranger")
        for step in (first, "back"):
            place.write(BACK + (CREATED if step == "exclude" else ""))
            place.run(*APPLY, *(("--exclude", "8200") if step == "exclude" else ()))
            said.append(untrue(place, box))
        wrong += [(trace[number - 1], said)] if any(said) else []
    assert wrong == []


@pytest.mark.exhaustive(1)
def test_another_agent_has_no_password_of_the_one_before(
    begun: Callable[[str], Workplace], box: Box, killer: Killer, share: Share
) -> None:
    """Whom somebody made anew: once an apply has seen that none is shown, until one is set; wherever that run dies."""

    def made_anew(name: str) -> Workplace:
        place = begun(name)
        place.write(HEAD + '  - {operatorId: "8001", name: a}\n  - {operatorId: "8200", name: a}\n')
        box.store.remove("8200")
        box.store.put("8200", name="a", password="of-a-stranger")
        assert place.run(*APPLY).code == 0
        assert untrue(place, box) == set()
        assert (of_8200(place)["password"], "inDoubt" in of_8200(place)) == (None, False)
        place.write(SECOND)
        return place

    trace = broken(made_anew("whole"), killer, KILL)
    books = [number for number, point in enumerate(trace, 1) if "journal" in point or "ledger" in point]
    for number in share.of(books, 6):
        place = made_anew(str(number))
        broken(place, killer, Break("kill", number))
        assert untrue(place, box) == set(), trace[number - 1]
        if box.store.agents()["8200"]["password_md5"] != hashlib.md5(b"of-a-stranger").hexdigest():
            assert of_8200(place)["password"] is not None, trace[number - 1]
        assert place.run(*APPLY).code == 0
        assert untrue(place, box) == set(), trace[number - 1]
        assert of_8200(place)["password"] is not None, trace[number - 1]
