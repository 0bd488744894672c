"""The problems of mistyped files: each slip in the words of whoever mends it, and what is wrong beside.

The files are read again without the slips that are known, so that one slip hides no other problem. What is read then
serves for problems alone; nobody gets its values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reconciler.core.model.problem import Content, Problem
from reconciler.core.yaml.slips import slips_in_lines, without_slips

Files = tuple[tuple[str, Content], ...]
Problems = tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a reading of files has found: the names of those that are YAML, and all problems."""

    readable: frozenset[str]
    problems: Problems

    def lines_of(self, file: str) -> frozenset[int]:
        """The lines of a file that have problems."""
        return frozenset(problem.place.line for problem in self.problems if problem.place.file == file)


def diagnosed(files: Files, found: Checked, check: Callable[[Files], Checked], *, pure: bool) -> Problems:
    """The problems of files, sorted by place. `found` is what a first reading has found, `check` reads once more."""

    def past_the_parser(file: str, data: bytes) -> tuple[bytes, Problems]:
        return (data, ()) if file in found.readable else without_slips(file, data, pure=pure)

    def past_the_schema(file: str, data: bytes) -> tuple[bytes, Problems]:
        if file not in found.readable:
            return data, ()
        return slips_in_lines(file, data, found.lines_of(file), pure=pure)

    mended, slips = _mended(files, past_the_parser)
    if slips:
        found = check(mended)
    mended, typed = _mended(mended, past_the_schema)
    if typed:
        after = check(mended)
        if after.readable == found.readable and len(after.problems) < len(found.problems):
            slips += [slip for slip in typed if slip.place.line not in after.lines_of(slip.place.file)]
            found = after
    return tuple(sorted((*slips, *found.problems), key=lambda problem: problem.place))


def _mended(files: Files, mend: Callable[[str, bytes], tuple[bytes, Problems]]) -> tuple[Files, list[Problem]]:
    """The files as `mend` gives them back, and the slips that it has found in them."""
    results = [(file, *(mend(file, data) if isinstance(data, bytes) else (data, ()))) for file, data in files]
    return tuple((file, data) for file, data, _ in results), [slip for _, _, slips in results for slip in slips]
