"""Marks for tests that need an extra."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

needs_apprise = pytest.mark.skipif(find_spec("apprise") is None, reason="the extra `notify` is not installed")
