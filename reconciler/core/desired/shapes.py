"""Examples of what a file holds where it holds something else: three lines each, to be typed over."""

from __future__ import annotations

from typing import Final

from reconciler.core.yaml.nodes import Path

_AGENT: Final = 'agents:\n  - operatorId: "8001"\n    name: 张三'
_POOL: Final = 'pools:\n  - from: "8100"\n    to: "8199"'
_EXAMPLES: Final = {
    "company": "company:\n  abbreviate: acme\n  companyId: 4242",
    "scope": 'scope:\n  operatorId:\n    - "8*"',
    "protect": 'protect:\n  - "8000"\n  - "adm*"',
    "guardrails": "guardrails:\n  maxDeletes: 20%\n  maxChanges: 500",
    "recipients": "recipients:\n  - age1…\n  - ssh-ed25519 AAAA…",
    "defaults": "defaults:\n  afterInterval: 10\n  isrecord: true",
    "profiles": "profiles:\n  leader:\n    operatorType: leader",
    "agents": _AGENT,
    "pools": _POOL,
    "except": 'except:\n  - "8150"\n  - "8151"',
}


def example(path: Path) -> str:
    """What belongs at `path`, a collection, as lines of a file; empty where no example is known."""
    steps = [step for step in path if isinstance(step, str)]
    if not steps or len(path) > len(steps) + 1:
        return ""
    is_inside = steps[0] in ("scope", "profiles", "agents", "pools") and steps[-1] not in _EXAMPLES
    return _EXAMPLES.get(steps[0] if is_inside and len(path) == 2 else steps[-1], "")
