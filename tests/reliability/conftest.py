"""Assertions of the shared checker are explained like those of the tests."""

import pytest

pytest.register_assert_rewrite("tests.reliability.mixed")
