"""A promise of the reader's whose breach should end a test at once; `python -m tests.mutants` breaks it."""

from __future__ import annotations

from reconciler.core.yaml.document import parse


def test_a_bomb_does_not_go_off() -> None:
    """Ten million values in nine short lines: one problem, and nothing was read."""
    lines = ["version: 1", "a0: &a0 [x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 8)]
    found, problems = parse("agents.yaml", "\n".join(lines).encode())
    refused = found is None
    assert refused
    assert [problem.message for problem in problems] == ["aliases and merge keys expand to more than 4,000,000 values"]
