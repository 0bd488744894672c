"""The six endpoints, against the vendor's reference."""

from __future__ import annotations

from reconciler.core.model.endpoints import ENDPOINTS, MAX_DELETE_LIST, PAGE_SIZE


def test_the_endpoints_are_the_references() -> None:
    """Path, whether it writes, and where the data sits are as in chapter 2.1; each stands under its own name."""
    assert {row.path: (row.name, row.section, row.writes, row.data) for row in ENDPOINTS.values()} == {
        "/api/v1/config/openapi/agent/create/v2": ("create", "2.1.1", True, "list"),
        "/api/v1/config/openapi/agent/edit/v2": ("edit", "2.1.2", True, "object"),
        "/api/v1/config/openapi/agent/del/v2": ("delete", "2.1.3", True, "none"),
        "/api/v1/config/openapi/agent/one/v2": ("one", "2.1.4", False, "object"),
        "/api/v1/config/openapi/agent/page": ("page", "2.1.5", False, "object"),
        "/api/v1/config/openapi/agent/editPwd": ("password", "2.1.6", True, "none"),
    }
    assert all(name == row.name for name, row in ENDPOINTS.items())


def test_only_create_may_not_be_repeated() -> None:
    """Sending a create twice makes two agents or an error; everything else ends in the same state."""
    assert [name for name, row in ENDPOINTS.items() if not row.idempotent] == ["create"]


def test_pages_are_as_large_as_the_reference_allows() -> None:
    """2.1.5 allows 10 to 100 rows a page."""
    assert PAGE_SIZE == 100
    assert MAX_DELETE_LIST == 100
