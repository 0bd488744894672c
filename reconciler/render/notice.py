"""What is told of a plan or an apply in a chat or a mail: verdict and counts; no name, number or value of anybody.

The text acts nowhere: chats read Markdown, mentions and links in many dialects, so what comes from a file keeps nothing
but letters, digits and a few harmless signs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconciler.core.model.message import text

_MOST_IDS: Final = 50
_ACTS: Final = re.compile(r"[^\w.+-]")
_VERDICTS: Final = {
    0: text("done"),
    1: text("failed: nothing was done"),
    3: text("refused: nothing was done"),
    4: text("a part was done"),
    64: text("failed: wrong usage, nothing was done"),
    130: text("interrupted"),
}


@dataclass(frozen=True, slots=True)
class Notice:
    """A title of one line, and a text of several."""

    title: str
    text: str


def plan_notice(plan: Mapping[str, Any], links: Sequence[str], *, with_ids: bool) -> Notice:
    """What a plan comes to. `plan` is its JSON document."""
    actions = plan["actions"]
    planned = Counter("blocked" if action.get("blocked") else action["action"] for action in actions)
    tripped = [guardrail["rule"] for guardrail in plan["guardrails"] if not guardrail["ok"]]
    drift = sum(action.get("origin") == "drift" for action in actions)
    verdict = text("{count} {count:action|actions}", count=len(actions)) if actions else text("nothing differs")
    if actions and (tripped or planned["blocked"]):
        verdict = text("{actions}, refused", actions=verdict)
    lines = [", ".join(f"{number} {what}" for what, number in planned.items())] if actions else []
    lines += [text("of these {count} drift: somebody changed the live side", count=drift)] if drift else []
    rules = ", ".join(map(_harmless, tripped))
    lines += [text("guardrails that refuse it: {rules}", rules=rules)] if tripped else []
    ids = [f"{action['action']} {_harmless(action['operatorId'])}" for action in actions] if with_ids else []
    return _notice(
        text("reconciler plan, {company}: {verdict}", company=_company(plan), verdict=verdict), lines, ids, links
    )


def report_notice(report: Mapping[str, Any], links: Sequence[str], *, with_ids: bool) -> Notice:
    """What became of an apply. `report` is the JSON document that it printed, which may be an error's."""
    code = int(report["exit_code"])
    verdict = _VERDICTS.get(code) or text("exit {code}", code=code)
    if "error" in report:
        title = text("reconciler apply: {verdict}", verdict=verdict)
        return _notice(
            title, [text("the log of the run says why"), *_doubtful(report["error"].get("in_doubt", ()))], [], links
        )
    results, doubtful = report["results"], [each for each in report["mismatches"] if each.get("in_doubt")]
    differing = [each for each in report["mismatches"] if each not in doubtful]
    outcomes = Counter(result["outcome"] for result in results)
    lines = [", ".join(f"{number} {_harmless(outcome)}" for outcome, number in outcomes.items())] if results else []
    lines += (
        [text("{count} {count:agent|agents} not as asked for when read back", count=len(differing))]
        if differing
        else []
    )
    lines += _doubtful(doubtful)
    lines += [text("the result was not read back")] if results and not report["verified"] else []
    lines += [text("{count} {count:warning|warnings}", count=len(report["warnings"]))] if report["warnings"] else []
    wrong = [result for result in results if result["outcome"] != "done"]
    ids = [f"{each['action']} {_harmless(each['operatorId'])} {_harmless(each['outcome'])}" for each in wrong]
    ids += [text("not as asked for: {id}", id=_harmless(each["operatorId"])) for each in differing]
    ids += [text("in doubt: {id}", id=_harmless(each["operatorId"])) for each in doubtful]
    title = text("reconciler apply, {company}: {verdict}", company=_company(report["plan"]), verdict=verdict)
    return _notice(title, lines, ids if with_ids else [], links)


def _doubtful(agents: Sequence[object]) -> list[str]:
    return [text("{count} {count:agent|agents} may be somebody else's", count=len(agents))] if agents else []


def _notice(title: str, lines: Sequence[str], ids: Sequence[str], links: Sequence[str]) -> Notice:
    return Notice(title, "\n".join([*lines, *_some(ids), *links]) or title)


def _some(ids: Sequence[str]) -> Iterator[str]:
    yield from ids[:_MOST_IDS]
    if len(ids) > _MOST_IDS:
        yield text("and {more} more", more=len(ids) - _MOST_IDS)


def _company(plan: Mapping[str, Any]) -> str:
    return _harmless(plan["company"]["abbreviate"])


def _harmless(text: object) -> str:
    return _ACTS.sub(lambda found: f"(U+{ord(found[0]):04X})", str(text)[:100])
