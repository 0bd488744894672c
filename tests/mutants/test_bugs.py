"""The table of planted bugs is sound. Whether the suite catches them is what `make mutants` finds out."""

from __future__ import annotations

import ast
import re

import pytest

from tests.mutants.bugs import BUGS, ROOT, Bug
from tests.mutants.doc import BEGIN, END, PAGE, table

by_name = pytest.mark.parametrize("bug", BUGS, ids=[bug.name for bug in BUGS])


def test_names_are_unique() -> None:
    """A bug is called by its name, which is also a folder's."""
    names = [bug.name for bug in BUGS]
    assert len(set(names)) == len(names) >= 24
    assert not [name for name in names if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) or name == "unchanged"]


@by_name
def test_a_bug_can_be_planted(bug: Bug) -> None:
    """Its text stands exactly once in its file; what it becomes is other text, and still Python."""
    source = (ROOT / bug.file).read_text(encoding="utf-8")
    assert bug.file.startswith("reconciler/")
    assert source.count(bug.old) == 1
    assert bug.old != bug.new
    ast.parse(bug.planted(source))


@by_name
def test_a_bug_names_tests_that_exist(bug: Bug) -> None:
    """Each of its tests is a function in a file of the suite."""
    assert bug.tests
    for node in bug.tests:
        file, _, rest = node.partition("::")
        function = rest.partition("[")[0]
        assert f"\ndef {function}(" in (ROOT / file).read_text(encoding="utf-8"), node


def test_the_page_lists_every_bug() -> None:
    """docs/reliability.md has the table as `python -m tests.mutants --doc` writes it."""
    page = PAGE.read_text(encoding="utf-8")
    assert page.count(BEGIN) == page.count(END) == 1
    assert page.partition(BEGIN)[2].partition(END)[0].strip() == table()


def test_the_page_names_files_that_exist() -> None:
    """Every test file that docs/reliability.md names is there."""
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", PAGE.read_text(encoding="utf-8")))
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []
