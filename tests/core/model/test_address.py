"""Which base URLs mean one vendor, and the name of the folder for its books."""

from __future__ import annotations

import pytest

from reconciler.core.model.address import folder_name, is_loopback, is_rehearsal, same_endpoint


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        ("https://Vendor.Example", "vendor.example"),
        ("https://vendor.example:443/", "vendor.example"),
        ("https://vendor.example:8443", "vendor.example_8443"),
        ("http://127.0.0.1:8787", "127.0.0.1_8787"),
        ("http://[::1]:8787", "ipv6---1_8787"),
        ("http://[0:0:0:0:0:0:0:1]", "ipv6---1"),
        ("http://[1:2]", "ipv6-1-2"),
        ("no url/../at all", "no_url_.._at_all"),
    ],
)
def test_the_folder_of_a_vendor(endpoint: str, name: str) -> None:
    """Host and port, in lower case; the port that goes without saying is left out, and nothing leads elsewhere."""
    assert folder_name(endpoint) == name


def test_one_vendor() -> None:
    """Case, a final slash and the usual port make no other vendor; a path and another port do."""
    assert same_endpoint("https://Vendor.Example:443/", "https://vendor.example")
    assert not same_endpoint("https://vendor.example/a", "https://vendor.example")
    assert not same_endpoint("https://vendor.example:8443", "https://vendor.example")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine(host: str) -> None:
    """A sandbox's host, however it is written."""
    assert is_loopback(host)


def test_a_rehearsal() -> None:
    """The vendor of a rehearsal is on this machine; what is no URL is none."""
    assert is_rehearsal("http://[::1]:8787")
    assert not is_rehearsal("https://vendor.example")
    assert not is_rehearsal("localhost")
    assert not is_loopback("vendor.example")
