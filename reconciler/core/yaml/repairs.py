"""Repairs that may carry the parser past the place where it gives up: what a person may have done there.

None of them is certain. `core.yaml.slips` tries them, and believes the one after which the parser gets further.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.core.model.message import NOTHING, Text, joined, text
from reconciler.core.yaml.meant import (
    BLANK_MISSING,
    KNOWN_KEYS,
    TOP_KEYS,
    Meant,
    as_meant,
    in_place_of,
    indentation,
)
from reconciler.core.yaml.scalars import DOUBLE
from reconciler.core.yaml.spelling import PASSWORD_ORDER, quoted


@dataclass(frozen=True, slots=True)
class Repair:
    """A slip, at a line and column from 0, in words, and the lines without it, by index; `hint` says more, if any.

    `code` names its kind.
    """

    line: int
    column: int
    words: Text
    lines: Mapping[int, str]
    hint: Text = NOTHING
    code: str = ""


Lines = Sequence[str]
_ENTRY_START: Final = re.compile(r" *(?:- +)?")
_KEY_AND_VALUE: Final = re.compile(r"( *(?:- +)*(?:[^\s:#\"'{\[-][^:]*?|\"[^\"]*\") *: +|(?: *- +)+)(\S.*)")
_KEY: Final = re.compile(r"\s*([\w]+):")
_WHOLE_QUOTED: Final = re.compile(r"(?:\"[^\"\\]*\"|'[^']*')(?: +#.*)?")
_COMMENT: Final = re.compile(r" +#.*| +$")
_VALUE_IN_FLOW: Final = re.compile(r"([{,] *\w+ *: +)([^\"'{\[,}\s][^,}]*?)(?= *[,}])")
_ENDS_VALUE: Final = re.compile(r"\s*(?:[,:}\]#]|$)")
_WRONG_ESCAPE: Final = re.compile(r"\\(?![0abtnvfre \"/\\N_LPxuU\t])")
_MARKER: Final = re.compile(r"(<{7}|\|{7}|={7}|>{7})(?: .*)?$")
_FARTHEST: Final = 3
"""How many columns an indentation may be off to count as a slip of the finger."""
_CLOSER: Final = {"{": "}", "[": "]"}


def conflicts(lines: Lines) -> Iterator[Repair]:
    """Every unfinished merge: the version above is kept."""
    markers = [(index, found[1]) for index, line in enumerate(lines) if (found := _MARKER.match(line))]
    while markers:
        length = next((at for at, (_, marker) in enumerate(markers) if marker[0] == ">"), 0) + 1
        here, markers = markers[:length], markers[length:]
        first, last = here[0][0], here[-1][0]
        middle = next((index for index, marker in here if marker[0] in "|="), last)
        dropped = (*range(middle, last + 1), *(index for index, _ in here))
        names = ", ".join(marker for _, marker in here)
        words = text("a merge that was not finished: git's marks {marks}", marks=names)
        if first < last:
            many = (
                "a merge that was not finished: git's marks ({marks}) part two versions in the lines {first} to {last}"
            )
            words = text(many, marks=names, first=first + 1, last=last + 1)
        hint = text("keep the lines that are right; delete the others, and the marks")
        yield Repair(first, 0, words, dict.fromkeys(dropped, ""), hint, "unfinished-merge")


def as_typed(lines: Lines, index: int) -> Iterator[Repair]:
    """The line without what the input method left in it, at each indentation that its neighbours have."""
    for in_flow in (False, True):
        meant = as_meant(lines[index], in_flow=in_flow)
        if meant.words:
            rest = meant.text.lstrip(" ")
            width = indentation(lines[index])
            odd = lines[index][:width].strip(" ")
            near = sorted(_depths_near(lines, index), key=lambda depth: (abs(depth - _cells(lines[index])), -depth))
            near = [depth for depth in near if _may_stand_at(rest, depth)]
            for depth in dict.fromkeys((*_depth_above(lines, index), *near, width)) if odd else (width,):
                code = "tab" if "\t" in lines[index][:width] else _code_of(meant)
                yield _repair(index, Meant(" " * depth + rest, meant.column, meant.words), code)


def _code_of(meant: Meant) -> str:
    return "missing-blank" if all(words.template == BLANK_MISSING for words in meant.words) else "full-width"


def _above(lines: Lines, index: int) -> str:
    """The nearest line above that is not blank; empty if there is none."""
    return next((line for line in reversed(lines[:index]) if line.strip()), "")


def _depth_above(lines: Lines, index: int) -> Iterator[int]:
    """Where the keys of the line above begin, for a line that may be one of them."""
    above = _above(lines, index)
    if not re.match(r"\W*-", lines[index]):
        depth = len(_ENTRY_START.match(above)[0])  # type: ignore[index]
        yield depth + 2 if above.rstrip().endswith(":") else depth


def _cells(line: str) -> int:
    """The width of a line's blanks as an editor shows it."""
    return sum({"\t": 2, "\u3000": 2}.get(char, 1) for char in line[: indentation(line)])


def _repair(index: int, meant: Meant, code: str) -> Repair:
    return Repair(index, meant.column, joined(meant.words), {index: meant.text}, code=code)


def of_line(lines: Lines, index: int) -> Iterator[Repair]:
    """Repairs of one line: of what is typed as text and read otherwise, of quotes, brackets, commas and colons."""
    meant = as_meant(lines[index])
    for code, repairs in (
        ("unclosed-quote", _closed_quote),
        ("missing-colon", _missing_colon),
        ("missing-comma", _missing_comma),
        ("missing-blank", _missing_blank),
        ("bad-escape", _escaped),
        ("needs-quotes", _flow_needs_quotes),
        ("unclosed-bracket", _brackets),
        ("needs-quotes", _needs_quotes),
    ):
        for further in repairs(meant.text):
            column = min(meant.column, further.column) if meant.words else further.column
            yield _repair(index, Meant(further.text, column, (*meant.words, *further.words)), code)


def beside_others(lines: Lines, index: int) -> Iterator[Repair]:
    """Repairs that the lines around give away: the colon of a name above what it holds, the dash of a list's entry."""
    line, below = lines[index].rstrip(), next((line for line in lines[index + 1 :] if line.strip()), "")
    if _LONE_NAME.fullmatch(line) and indentation(below) > indentation(line):
        words = text("a colon is missing after the key")
        yield Repair(index, len(line), words, {index: f"{line}:"}, code="missing-colon")
    neighbours = (below, _above(lines, index))
    for depth in {len(found[0]) - 2 for each in neighbours if (found := _DASHED.match(each))}:
        if _WHOLE_QUOTED.fullmatch(line.lstrip()) and depth < indentation(line) <= depth + _FARTHEST:
            words = text("a dash (-) is missing before an entry of the list")
            yield Repair(index, depth, words, {index: f"{' ' * depth}- {line.lstrip()}"}, code="missing-dash")


_LONE_NAME: Final = re.compile(r" *[^\W\d][\w-]*")
_DASHED: Final = re.compile(r" *- ")


def _needs_quotes(line: str) -> Iterator[Meant]:
    """The value of a line in quotes."""
    if found := _KEY_AND_VALUE.fullmatch(line):
        start, value = found.groups()
        if (value[0] in "{[" and (": " in value or '"' in value)) or _WHOLE_QUOTED.fullmatch(value):
            return
        comment = _COMMENT.search(value)
        without, rest = (value[: comment.start()], comment.group()) if comment else (value, "")
        for bare, after in dict.fromkeys(((without, rest), (value.rstrip(), ""))):
            yield Meant(start + quoted(bare) + after, len(start), (_why_quotes(bare),))


def _why_quotes(value: str) -> Text:
    if value[0] in "\"'":
        return text("text stands behind a closing quote: a value that holds quotes needs quotes around all of it")
    if value[0] in "@`%&*!|>[]{},?#-":
        return text("a value that begins with {sign} needs quotes: YAML reads the sign otherwise", sign=value[0])
    if ": " in value or value.endswith(":"):
        return text("a value that holds a colon and a blank needs quotes: YAML reads it as another key")
    return text("this value needs quotes: YAML reads it otherwise")


def _flow_needs_quotes(line: str) -> Iterator[Meant]:
    """The values between braces in quotes that YAML may read otherwise."""
    found = [m for m in _VALUE_IN_FLOW.finditer(line) if ": " in m[2] or " #" in m[2] or m[2][0] in "@`%&*!|>?"]
    if found:
        changed = line
        for value in reversed(found):
            changed = changed[: value.start(2)] + quoted(value[2]) + changed[value.end(2) :]
        comment = text("after a blank # begins a comment: the value needs quotes")
        yield Meant(changed, found[0].start(2), (comment if " #" in found[0][2] else _why_quotes(found[0][2]),))


def _closed_quote(line: str) -> Iterator[Meant]:
    """The line with its first unbalanced quote closed, or with a doubled one taken out."""
    unclosed = unclosed_quote(line)
    if unclosed is None:
        return
    quote = line[unclosed]
    words = (text("a quote ({quote}) opens here and is not closed", quote=quote),)
    last = len(line.rstrip()) - 1
    if quote == '"' and line[last] in DOUBLE[1:]:
        yield Meant(f'{line[:last]}"', last, (in_place_of(line[last], quote),))
    ends = {len(_COMMENT.sub("", line[unclosed:])) + unclosed}
    if found := re.compile(r" *[,}\]]").search(line, unclosed):
        ends.add(found.start())
    if line[unclosed + 1 : unclosed + 2] == quote:
        yield Meant(
            line[:unclosed] + line[unclosed + 1 :], unclosed, (text("one quote ({quote}) too many", quote=quote),)
        )
    for end in sorted(ends, reverse=True):
        yield Meant(f"{line[:end]}{quote}{line[end:]}", unclosed, words)


def unclosed_quote(line: str) -> int | None:
    """The column of the first quote that begins a value and does not end in its line, or not where the value does."""
    at, begins = len(_ENTRY_START.match(line)[0]), True  # type: ignore[index]
    while at < len(line):
        char = line[at]
        if begins and char in "\"'":
            end = at + 1
            while end < len(line) and line[end] != char:
                end += 2 if char == '"' and line[end] == "\\" else 1
            if end >= len(line) or not _ENDS_VALUE.match(line, end + 1):
                return at
            at = end
        elif char == "#" and line[at - 1 : at] in ("", " "):
            return None
        begins = char in "{[," or (begins and char == " ") or (char == " " and line[at - 1 : at] in (":", "-"))
        at += 1
    return None


def before_a_bracket(lines: Lines, index: int) -> Iterator[Repair]:
    """A colon between a word and the brace or bracket behind it, which may be one long key to YAML."""
    if found := _OPENED_WORD.match(lines[index]):
        line = f"{found[0].rstrip()}: {lines[index][found.end() :]}"
        words = text("a colon is missing after the key")
        yield Repair(index, found.end(1), words, {index: line}, code="missing-colon")


_OPENED_WORD: Final = re.compile(r"( *(?:- +)?[^\W\d][\w-]*) *(?=[{\[])")


def _missing_colon(line: str) -> Iterator[Meant]:
    start = _ENTRY_START.match(line)[0]  # type: ignore[index]
    word, _, value = line[len(start) :].partition(" ")
    if word in KNOWN_KEYS:
        column = len(start) + len(word)
        line = f"{start}{word}: {value.lstrip(': ')}".rstrip()
        yield Meant(line, column, (text("a colon is missing after the key"),))


def _missing_blank(line: str) -> Iterator[Meant]:
    """A blank after the dash of a list's entry that is a plain word."""
    if found := re.match(r" *-(?=[^\s-])", line):
        words = text(BLANK_MISSING, sign=text("a dash (-)"))
        yield Meant(f"{found[0]} {line[found.end() :]}", found.end(), (words,))


def _missing_comma(line: str) -> Iterator[Meant]:
    """A comma between what stands in braces and brackets."""
    if found := re.search(r"(?<=[\w\"'}\]])( +)(?=(?:\w+ *: |[\"'{\[]))", line[line.find("{") + 1 :]):
        column = line.find("{") + 1 + found.start()
        yield Meant(f"{line[:column]},{line[column:]}", column, (text("a comma is missing"),))


def _escaped(line: str) -> Iterator[Meant]:
    if found := _WRONG_ESCAPE.search(line):
        words = text("a backslash (\\) between double quotes begins an escape; a backslash itself is written twice")
        yield Meant(_WRONG_ESCAPE.sub(r"\\\\", line), found.start(), (words,))


def _brackets(line: str) -> Iterator[Meant]:
    """The line with its braces and brackets balanced."""
    opened: list[int] = []
    for at in _outside_quotes(line):
        char = line[at]
        if char in _CLOSER:
            opened.append(at)
        elif char in "}]" and not opened:
            yield Meant(line[:at] + line[at + 1 :], at, (text("{sign} closes what was never opened", sign=char),))
            return
        elif char in "}]" and _CLOSER[line[opened.pop()]] != char:
            right = "}" if char == "]" else "]"
            words = text("{found} stands where {right} belongs", found=char, right=right)
            yield Meant(f"{line[:at]}{right}{line[at + 1 :]}", at, (words,))
            return
    if opened:
        body = _COMMENT.sub("", line)
        if body[-1] in ")\uff09":
            words = in_place_of(body[-1], _CLOSER[line[opened[-1]]])
            yield Meant(body[:-1] + _CLOSER[line[opened[-1]]] + line[len(body) :], len(body) - 1, (words,))
        closers = "".join(_CLOSER[line[at]] for at in reversed(opened))
        comma = "," if body.endswith(",") else ""
        closed = f"{body.removesuffix(',')}{closers}{comma}{line[len(body) :]}"
        yield Meant(closed, opened[0], (text("{sign} opens here and is not closed", sign=line[opened[0]]),))


def _outside_quotes(line: str) -> Iterator[int]:
    """The columns outside of quoted text, up to a comment."""
    quote = ""
    for at, char in enumerate(line):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'" and line[at - 1 : at] in ("", " ", "[", "{", ","):
            quote = char
        elif char == "#" and line[at - 1 : at] in ("", " "):
            return
        else:
            yield at


def closed_before(lines: Lines, opening: tuple[int, int], index: int) -> Iterator[Repair]:
    """What a bracket in a line above opens, closed at the end of the line at `index`."""
    line, column = opening
    if line < index and (char := lines[line][column : column + 1]) in _CLOSER:
        closed = lines[index].rstrip().removesuffix(",") + _CLOSER[char]
        words = text("{sign} opens here and is not closed", sign=char)
        hint = text("write {sign} where it ends", sign=_CLOSER[char])
        yield Repair(line, column, words, {index: closed}, hint, "unclosed-bracket")


def indented(lines: Lines, indexes: Sequence[int]) -> list[Repair]:
    """One of the lines moved to an indentation near its own that its neighbours have: from a rare to a common one."""
    common = Counter(indentation(line) for line in lines if line.strip())
    moves = [
        (abs(depth - now) > 1, common[now] - common[depth], depth % 2, index, now, depth)
        for index in indexes
        for now in (indentation(lines[index]),)
        for depth in _depths_near(lines, index)
        if 0 < abs(depth - now) <= _FARTHEST
        and _may_stand_at(lines[index], depth)
        and _may_stand_below(lines, index, depth)
    ]
    found = []
    for *_, index, now, depth in sorted(moves, key=lambda move: move[:3]):
        off = text("{count} {count:blank|blanks} too few", count=depth - now)
        if now > depth:
            off = text("{count} {count:blank|blanks} too many", count=now - depth)
        indented_by = "the line is indented by {now} {now:blank|blanks}, and {depth} {depth:belongs|belong} here: {off}"
        words = text(indented_by, now=now, depth=depth, off=off)
        lines_after = {index: " " * depth + lines[index].lstrip(" ")}
        found.append(Repair(index, now, words, lines_after, code="indentation"))
    return found


def _may_stand_at(line: str, depth: int) -> bool:
    """Whether the key of a line may be indented so.

    Keys of the file itself are not indented, and all others are; those of a password may stand anywhere.
    """
    key = _KEY.match(line)
    if key is None or key[1] not in KNOWN_KEYS or key[1] in PASSWORD_ORDER:
        return True  # a password has a version, too
    return (key[1] in TOP_KEYS) == (depth == 0)


def _may_stand_below(lines: Lines, index: int, depth: int) -> bool:
    """Whether a key of a password's may be indented so below the one above."""
    above = _above(lines, index)
    keys = [found[1] for found in (_KEY.match(above), _KEY.match(lines[index])) if found]
    return not (len(keys) == 2 and set(keys) <= set(PASSWORD_ORDER)) or depth == indentation(above)


def _depths_near(lines: Lines, index: int) -> set[int]:
    """The indentations that a line may have by its neighbours: theirs, and those of what they hold."""
    above = [line for line in lines[max(0, index - 6) : index] if line.strip()][-3:]
    below = [line for line in lines[index + 1 : index + 7] if line.strip()][:3]
    depths = {0} if _KEY.match(lines[index]) else set()
    for line in (*above, *below):
        depth = indentation(line)
        depths.add(depth)
        if re.match(r" *- ", line):
            depths.add(depth + 2)
        if line.rstrip().endswith(":"):
            depths.add(depth + 2)
    return depths
