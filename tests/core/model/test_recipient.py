"""Keys are named so that people can tell them apart."""

from __future__ import annotations

import subprocess
from base64 import b64encode
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.model.recipient import recipient_label
from tests.credentials.keys import needs_ssh, ssh_key

ZHANG = "ssh-ed25519 " + b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0 " + b"a" * 15 + b"b" + b"c" * 16).decode()
OTHER = "ssh-ed25519 " + b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0 " + b"a" * 15 + b"d" + b"c" * 16).decode()


@needs_ssh
def test_an_ssh_key_has_the_fingerprint_that_ssh_shows(tmp_path: Path) -> None:
    """Kind, fingerprint and comment are those of `ssh-keygen -l`."""
    for kind in ("ed25519", "rsa"):
        key = ssh_key(tmp_path, kind)
        public = str(key.identity.with_suffix(".pub"))
        shown = subprocess.run(["ssh-keygen", "-l", "-f", public], capture_output=True, text=True, check=True).stdout
        assert recipient_label(key.recipient) == f"ssh-{kind} {shown.split(' ')[1]} (张三@desk)"


def test_keys_that_differ_in_their_middle_are_told_apart() -> None:
    """Two keys of one kind and comment differ in what follows their kind; without a comment there are no brackets."""
    first, second = recipient_label(f"{ZHANG} a@b"), recipient_label(f"{OTHER} a@b")
    assert first.endswith(" (a@b)")
    assert second.endswith(" (a@b)")
    assert first[:20] != second[:20]
    assert recipient_label(f"{ZHANG}  ") == first.removesuffix(" (a@b)")


def test_an_age_key_stands_in_full() -> None:
    """A key that people can read is shown whole."""
    key = "age1" + "q" * 58
    assert recipient_label(key) == key


def test_a_long_key_has_its_ends_and_a_fingerprint() -> None:
    """A key of thousands of characters is shown by both ends, and by a fingerprint of all of it."""
    key = "age1pq1" + "q" * 1900 + "zzz"
    label = recipient_label(key)
    assert label.startswith("age1pq1qqqqq…qqqqqqqqqzzz SHA256:")
    assert len(label) < 80
    assert recipient_label(key.replace("qz", "xz")) != label


def test_what_is_no_key_is_shown_as_it_is() -> None:
    """A text that only looks like a key has no fingerprint: it is shown itself."""
    for text in ("ssh-ed25519", "ssh-ed25519 AAAA!", "ssh-rsa ÄÄÄÄ", ""):
        assert recipient_label(text) == text


@given(st.binary(min_size=1, max_size=90), st.binary(min_size=1, max_size=90), st.sampled_from(["", " a", " b"]))
def test_no_two_keys_are_named_alike(one: bytes, other: bytes, comment: str) -> None:
    """Different keys have different names, whatever their comment."""
    labels = [recipient_label(f"ssh-rsa {b64encode(data).decode()}{comment}") for data in (one, other)]
    assert (labels[0] == labels[1]) == (one == other)
