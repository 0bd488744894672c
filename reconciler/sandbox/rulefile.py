"""A fault file from YAML to rules. No other module of the sandbox reads YAML."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from reconciler.sandbox.rules import Rule, rules_of


def rules_in(path: Path) -> tuple[Rule, ...]:
    """The rules of a fault file.

    Raises:
        ValueError: the file cannot be read, is not YAML, or a rule is wrong; the message names the file.
    """
    try:
        return rules_of(yaml.load(path.read_bytes(), _Loader))  # noqa: S506 - a safe loader, see below
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is no YAML: {_in_one_line(error)}") from error
    except RecursionError as error:
        raise ValueError(f"{path} is nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


class _Loader(yaml.SafeLoader):
    """Reads plain values only, and refuses a repeated key, of which PyYAML itself would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: list[Any] = []
        for key, _ in node.value:
            if key.value in seen:
                problem = f"the key {key.value!r} stands twice"
                raise yaml.constructor.ConstructorError(problem=problem, problem_mark=key.start_mark)
            seen.append(key.value)
        return super().construct_mapping(node, deep)


def _in_one_line(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"{error.problem}, in line {mark.line + 1}, column {mark.column + 1}"
    return " ".join(str(error).split())
