"""The tests: run them with `make test`."""

import sys
from typing import Any

modules: dict[str, Any] = sys.modules
# What writes our list of components brings this along; jsonschema imports it where it is, which takes every process of
# the suite a second and a half, and what it checks is in no schema of ours.
modules.setdefault("rfc3987_syntax", None)
