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

from reconciler.core.text import counted

_MOST_IDS: Final = 50
_ACTS: Final = re.compile(r"[^\w.+-]")
_VERDICTS: Final = {
    0: "done",
    1: "failed: nothing was done",
    3: "refused: nothing was done",
    4: "a part was done",
    64: "failed: wrong usage, nothing was done",
    130: "interrupted",
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
    if not actions:
        verdict = "nothing differs"
    elif tripped or planned["blocked"]:
        verdict = f"{counted(len(actions), 'action')}, refused"
    else:
        verdict = counted(len(actions), "action")
    lines = [", ".join(f"{number} {what}" for what, number in planned.items())] if actions else []
    lines += [f"of these {drift} drift: somebody changed the live side"] if drift else []
    lines += [f"guardrails that refuse it: {', '.join(map(_harmless, tripped))}"] if tripped else []
    ids = [f"{action['action']} {_harmless(action['operatorId'])}" for action in actions] if with_ids else []
    return _notice(f"reconciler plan, {_company(plan)}: {verdict}", lines, ids, links)


def report_notice(report: Mapping[str, Any], links: Sequence[str], *, with_ids: bool) -> Notice:
    """What became of an apply. `report` is the JSON document that it printed, which may be an error's."""
    verdict = _VERDICTS.get(report["exit_code"], f"exit {int(report['exit_code'])}")
    if "error" in report:
        return _notice(f"reconciler apply: {verdict}", ["the log of the run says why"], [], links)
    results, differing = report["results"], report["mismatches"]
    outcomes = Counter(result["outcome"] for result in results)
    lines = [", ".join(f"{number} {_harmless(outcome)}" for outcome, number in outcomes.items())] if results else []
    lines += [f"{counted(len(differing), 'agent')} not as asked for when read back"] if differing else []
    lines += ["the result was not read back"] if results and not report["verified"] else []
    lines += [counted(len(report["warnings"]), "warning")] if report["warnings"] else []
    wrong = [result for result in results if result["outcome"] != "done"]
    ids = [f"{each['action']} {_harmless(each['operatorId'])} {_harmless(each['outcome'])}" for each in wrong]
    ids += [f"not as asked for: {_harmless(each['operatorId'])}" for each in differing]
    return _notice(f"reconciler apply, {_company(report['plan'])}: {verdict}", lines, ids if with_ids else [], links)


def _notice(title: str, lines: Sequence[str], ids: Sequence[str], links: Sequence[str]) -> Notice:
    return Notice(title, "\n".join([*lines, *_some(ids), *links]) or title)


def _some(ids: Sequence[str]) -> Iterator[str]:
    yield from ids[:_MOST_IDS]
    if len(ids) > _MOST_IDS:
        yield f"and {len(ids) - _MOST_IDS} more"


def _company(plan: Mapping[str, Any]) -> str:
    return _harmless(plan["company"]["abbreviate"])


def _harmless(text: object) -> str:
    return _ACTS.sub(lambda found: f"(U+{ord(found[0]):04X})", str(text)[:100])
