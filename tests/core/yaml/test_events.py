"""What the parser says about places in a text."""

from __future__ import annotations

import pytest

from reconciler.core.yaml.events import HAS_LIBYAML, scalar_spans

pytestmark = pytest.mark.skipif(not HAS_LIBYAML, reason="needs libyaml")


def test_scalars_are_found_where_they_stand() -> None:
    """Offsets count characters, of whatever width; a value that is not there has none."""
    text = "名: '张 # 三' # aside\nb:\nc: [😀, |\n"
    with pytest.raises(ValueError, match="YAML"):
        list(scalar_spans(text))
    text = "名: '张 # 三' # aside\nb:\nc: [😀, x]\n"
    assert [text[start:end] for start, end in scalar_spans(text)] == ["名", "'张 # 三'", "b", "c", "😀", "x"]
