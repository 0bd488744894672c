"""`recipients:` of the desired-state file: the form is checked by `validate`, the keys when a `Sealer` is made."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from reconciler.core.desired.read import read_desired
from reconciler.core.desired.schema import agents_schema
from reconciler.credentials.age import Sealer, is_sealed
from reconciler.errors import ReconcilerError
from tests.process import Workplace

from .keys import age_key, needs_ssh, pyrage, ssh_key

HEAD = "version: 1\ncompany: {abbreviate: acme}\nrecipients: "
X25519 = "age1vt64z0r3uczya8dhr4gtaycskzk6d28855fqmpfj4n8kmkyywakqfq55eg"
BASE = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


@needs_ssh
def test_good_recipients(offline: Workplace) -> None:
    """X25519 keys and SSH keys with or without a comment are taken, in the order of the file."""
    keys = [X25519, ssh_key(offline.folder, "ed25519").recipient, ssh_key(offline.folder, "rsa").recipient]
    keys.append(" ".join(keys[1].split()[:2]))
    path = offline.write(HEAD + json.dumps(keys, ensure_ascii=False) + "\n")
    assert offline.run("validate").code == 0
    state, problems = read_desired(str(path), path.read_bytes())
    assert (state.recipients if state else None, problems) == (tuple(keys), ())
    assert is_sealed(Sealer(keys).seal(b"x"))


def test_no_recipients() -> None:
    """Without the key there is nobody to encrypt for."""
    state, _ = read_desired("agents.yaml", HEAD.removesuffix("recipients: ").encode())
    assert state is not None
    assert state.recipients == ()


@pytest.mark.parametrize(
    "written",
    [
        "[]", X25519, "null", "[8001]", "[null]", "['']", "[{age1: x}]",
        f"[{X25519.upper()}]", f"[{X25519[:-1]}]", f"[{X25519}q]", f"['{X25519} ']", f'["{X25519}\\n"]',
        f"[{X25519[:-1]}b]",
        "[ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY]", "[ssh-dss AAAAB3NzaC1kc3M]", "[ssh-ed25519]",
        "['ssh-ed25519 AAAA\\n-x']", '["ssh-ed25519 AAAA a\\nb"]', "[/etc/passwd]", "[github:somebody]",
    ],
)  # fmt: skip
def test_bad_recipients(written: str) -> None:
    """What is no list of public keys is a problem of the file, named by its place."""
    state, problems = read_desired("agents.yaml", f"{HEAD}{written}\n".encode())
    assert state is None
    assert [(problem.place.line, problem.path.split("[")[0].split(".")[0]) for problem in problems] == [
        (3, "recipients")
    ]


@pytest.mark.parametrize("wrap", ["[{}]", "{}", "[{}, {}]"])
def test_a_private_key_is_never_shown(offline: Workplace, wrap: str) -> None:
    """A private key in the place of the public one is refused, and no message repeats it, in any format."""
    private = str(pyrage.x25519.Identity.generate())
    offline.write(HEAD + wrap.replace("{}", private) + "\n")
    for form in ("text", "json"):
        ran = offline.run("validate", "--format", form)
        assert ran.code == 1
        assert private[:20] not in ran.out + ran.err
    assert "recipients" in ran.out


def test_the_schema_describes_it() -> None:
    """Editors show what belongs there, in English and in Chinese."""
    words = agents_schema()["properties"]["recipients"]["description"]
    assert "credentials" in words
    assert "凭据" in words


def test_a_typo_is_found_before_anything_is_sent() -> None:
    """Any one wrong character of an X25519 key: the error names it by position and by its first 12 characters."""
    for index in range(len("age1"), len(X25519)):
        wrong = BASE[(BASE.index(X25519[index]) + 1) % len(BASE)]
        with pytest.raises(ReconcilerError) as caught:
            Sealer([X25519, X25519[:index] + wrong + X25519[index + 1 :]])
        assert caught.value.message.startswith("recipient 2 (age1")
        assert X25519[:13] not in caught.value.message
        assert "nothing was sent" in caught.value.hint


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
@needs_ssh
def test_half_an_ssh_key(tmp_path: Path, kind: str) -> None:
    """An SSH key that was cut anywhere is refused as well, also where the library would panic."""
    key = " ".join(ssh_key(tmp_path, kind).recipient.split(" ")[:2])
    for length in range(len(f"ssh-{kind}"), len(key)):
        with pytest.raises(ReconcilerError, match=r"recipient 1 \(ssh-"):
            Sealer([key[:length]])


@needs_ssh
def test_an_ssh_key_of_empty_parts(tmp_path: Path) -> None:
    """An RSA key whose lengths are damaged is refused, also where the library would panic."""
    kind, encoded = ssh_key(tmp_path, "rsa").recipient.split(" ")[:2]
    good = base64.b64decode(encoded)
    for index in (*range(4), *range(11, 15), *range(18, 22)):
        for byte in (0, 1, 255):
            if good[index] != byte:
                wrong = good[:index] + bytes([byte]) + good[index + 1 :]
                with pytest.raises(ReconcilerError):
                    Sealer([f"{kind} {base64.b64encode(wrong).decode()}"])


def test_nobody(tmp_path: Path) -> None:
    """A sealer for nobody is refused: what it made could never be read."""
    with pytest.raises(ReconcilerError, match="no recipient"):
        Sealer([])
    assert Sealer([age_key(tmp_path).recipient])
