"""The collector is paused while much is built, and is afterwards as it was found."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from reconciler.files.collector import collector_paused


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """Whatever a test leaves behind, the collector runs after it."""
    yield
    gc.enable()


@pytest.mark.parametrize("on", [True, False])
def test_it_is_as_it_was(on: bool) -> None:
    """Off inside, and afterwards on only if it was, whatever ended the pause."""
    (gc.enable if on else gc.disable)()
    with collector_paused():
        assert not gc.isenabled()
        with collector_paused():
            pass
        assert not gc.isenabled()
    assert gc.isenabled() is on
    with pytest.raises(ValueError, match="out"), collector_paused():
        raise ValueError("out")
    assert gc.isenabled() is on
