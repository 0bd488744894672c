"""`plan --offline --since`: what a change of the files means by itself. It asks nobody, and says what is unknown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.core.saved.plan_schema import plan_validator
from reconciler.render import FORMATS
from reconciler.render.offline import NOT_HELD
from tests.cli.test_since import ALONE, HEAD, Repository
from tests.process import Ran, Workplace
from tests.reliability.killer import Killer

BEFORE = f"""{HEAD}\
- {{operatorId: "8001", name: a, bindcode: "1"}}
- {{operatorId: "8002", name: b, password: {{generate: true, version: 1}}}}
- {{operatorId: "8003", name: c, roleName: r, bindSkillName: x}}
- {{operatorId: "8004", name: d}}
"""
NOW = f"""{HEAD}\
- {{operatorId: "8001", name: A, bindcode: "1", mainGroupName: new}}
- {{operatorId: "8002", name: b, password: {{generate: true, version: 2}}}}
- {{operatorId: "8003", name: c, roleName: s, bindSkillName: x}}
- {{operatorId: "8005", name: d}}
"""


@pytest.fixture(scope="module")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    """What starts processes without paying for the imports each time."""
    with Killer(tmp_path_factory.mktemp("logs")) as made:
        yield made


@pytest.fixture
def repository(tmp_path: Path, killer: Killer) -> Repository:
    """The file of before is committed, that of now is in the working tree, and there is no vendor."""
    made = Repository(Workplace(tmp_path, ""), killer)
    made.git("init", "--quiet", "--initial-branch=main")
    made.commit(BEFORE)
    made.place.write(NOW)
    return made


def offline(repository: Repository, *arguments: str, **env: str) -> Ran:
    """`plan --offline`, run where neither endpoint nor token is known."""
    kept = {name: value for name, value in repository.place.environment().items() if "RECONCILER" not in name}
    return repository.killer.run(repository.folder, {**kept, **ALONE, **env}, "plan", "--offline", *arguments)


def test_it_says_what_the_change_means(repository: Repository) -> None:
    """Creates, edits, deletes and passwords of this change; what nobody managed before is not known."""
    ran = offline(repository, "--since", "HEAD", "--format", "json")
    assert ran.code == 0, ran.err
    told = {
        (a["operatorId"], a["action"]): {c["field"]: c["before"] for c in a["changes"]} for a in ran.json["actions"]
    }
    assert told == {
        ("8001", "edit"): {"name": "a", "mainGroupName": None},
        ("8002", "password"): {"password.version": 1},
        ("8003", "edit"): {"roleName": "r"},
        ("8004", "delete"): {},
        ("8005", "create"): {"name": None},
    }
    unknown = [c["field"] for a in ran.json["actions"] for c in a["changes"] if c.get("before_known") is False]
    assert unknown == ["mainGroupName"]
    assert {c["origin"] for a in ran.json["actions"] for c in a["changes"]} == {"change"}


def test_what_only_the_live_side_can_tell_is_unknown(repository: Repository) -> None:
    """No digest, null for what nobody has looked at, and no limit by share; the schema knows such a plan."""
    ran = offline(repository, "--since", "HEAD", "--format", "json")
    document = ran.json
    assert document["offline"] is True
    assert "digest" not in document
    assert document["live"] == {"agents": None, "in_scope": None}
    assert document["summary"]["blocked"] is None
    assert document["guardrails"] == []
    assert plan_validator().is_valid(document)
    assert not plan_validator().is_valid({**document, "digest": "0" * 64})
    del document["offline"]
    assert not plan_validator().is_valid(document)


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("now", [NOW, BEFORE], ids=["changes", "nothing"])
def test_every_format_says_so(repository: Repository, format_: str, now: str) -> None:
    """Whoever reads it cannot take it for a plan that may be applied: no digest, and a word about it."""
    repository.place.write(now)
    ran = offline(repository, "--since", "HEAD", "--format", format_)
    assert ran.code == 0, ran.err
    assert NOT_HELD in ran.out or json.loads(ran.out)["offline"] is True
    assert not re.search(r"Digest|apply --expect|as desired", ran.out)


def test_nothing_is_asked_and_nothing_is_written(repository: Repository) -> None:
    """An endpoint that answers nobody is no hindrance, and no books are begun."""
    nowhere = {"RECONCILER_ENDPOINT": "http://127.0.0.1:9", "RECONCILER_TOKEN_FILE": "/nowhere"}
    assert offline(repository, "--since", "HEAD", **nowhere).code == 0
    assert sorted(path.name for path in repository.folder.iterdir()) == [".git", "agents.yaml"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--since", "HEAD", "--out", "plan.json"), 64, "cannot save"),
        ((), 64, "--since"),
        (("--since", "HEAD", "--detailed-exitcode"), 2, NOT_HELD),
        (("--since", "HEAD", "--max-deletes", "0"), 3, "maxDeletes"),
        (("--since", "HEAD", "--target", "8001"), 0, "narrowed"),
        (("--since", "nothing"), 1, "nothing"),
    ],
)
def test_exit_codes(repository: Repository, arguments: tuple[str, ...], code: int, says: str) -> None:
    """It cannot be saved and needs a revision; a limit that is a count holds here too."""
    ran = offline(repository, *arguments)
    assert ran.code == code
    assert says in ran.out + ran.err
    assert not (repository.folder / "plan.json").exists()


def test_files_of_before_with_problems_tell_nothing(repository: Repository) -> None:
    """Of files that nobody can read it cannot be told what became of them."""
    repository.commit("version: 2\n")
    repository.place.write(NOW)
    ran = offline(repository, "--since", "HEAD")
    assert ran.code == 1
    assert "cannot be told" in ran.err


def test_it_cannot_be_applied(repository: Repository) -> None:
    """Its JSON is no saved plan."""
    ran = offline(repository, "--since", "HEAD", "--format", "json", "--output", "plan.json")
    assert ran.code == 0
    place = Workplace(repository.folder, "http://127.0.0.1:9")
    assert place.run("apply", "plan.json", "--yes").code == 3
