"""Settings: where the token may go, and where it may come from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.core.model.secret import Secret
from reconciler.errors import WrongUsage
from reconciler.settings import MAX_TOKEN_BYTES, SUCCESS_CODES, Connection, connection, network
from reconciler.vendor.http import Transport

HTTPS = "https://vendor.example"
GOOD = "t0ken"


def settle(endpoint: str | None = HTTPS, token: str | None = GOOD, file: Path | None = None) -> Connection:
    """Settings from an endpoint and a token."""
    return connection(endpoint, token, file, parallelism=3, rate=5.0, timeout=7.0)


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """A private file with a token."""
    path = tmp_path / "token"
    path.write_text("t0ken\n")
    path.chmod(0o600)
    return path


def test_what_is_given_is_taken() -> None:
    """The settings are what was given, and the two codes of success."""
    settings = settle()
    assert (settings.endpoint, settings.token.reveal()) == (HTTPS, "t0ken")
    assert (settings.parallelism, settings.rate, settings.timeout) == (3, 5.0, 7.0)
    assert settings.success_codes == SUCCESS_CODES == {0, 200}


@pytest.mark.parametrize(
    ("endpoint", "base"),
    [
        ("https://vendor.example/", "https://vendor.example"),
        ("https://vendor.example//", "https://vendor.example"),
        ("https://vendor.example:8443/gate/", "https://vendor.example:8443/gate"),
        ("HTTPS://Vendor.Example", "HTTPS://Vendor.Example"),
        ("https://10.0.0.1", "https://10.0.0.1"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("https://例子.测试", "https://例子.测试"),
    ],
)
def test_a_good_endpoint(endpoint: str, base: str) -> None:
    """Any https URL is an endpoint; a final slash is dropped, and a client can be made for it."""
    settings = settle(endpoint)
    assert settings.endpoint == base
    Transport(settings).close()


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://localhost",
        "http://LOCALHOST:8787",
        "http://127.0.0.1:8787",
        "http://127.0.0.2",
        "http://127.255.255.254/gate",
        "http://[::1]",
        "http://[::1]:8787",
        "http://[0:0:0:0:0:0:0:1]:8787",
    ],
)
def test_http_on_this_machine(endpoint: str) -> None:
    """Without TLS the token may go to this machine, by any of its own names and addresses."""
    assert settle(endpoint).endpoint == endpoint


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://vendor.example",
        "HTTP://vendor.example",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://128.0.0.1",
        "http://1.127.0.1",
        "http://[::]",
        "http://[::2]",
        "http://[fe80::1]",
        "http://[2001:db8::127.0.0.1]",
        "http://localhost.vendor.example",
        "http://127.0.0.1.vendor.example",
        "http://notlocalhost",
        "http://vendor.example/localhost",
        "http://vendor.example:127",
        "http://0127.0.0.1",
        "http://2130706433",
        "http://0x7f000001",
        "http://127.1",
    ],
)
def test_http_elsewhere(endpoint: str) -> None:
    """To any other host the token never goes in the clear, however much it looks like this machine."""
    with pytest.raises(WrongUsage, match="in the clear") as caught:
        settle(endpoint)
    assert "https://" in caught.value.hint


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://user@vendor.example",
        "https://user:canary@vendor.example",
        "https://:canary@vendor.example",
        "http://localhost@vendor.example",
        "http://localhost\\@vendor.example",
        "http://user@localhost",
        "https://vendor.example?token=canary",
        "https://vendor.example/?a",
        "https://vendor.example#canary",
    ],
)
def test_a_url_that_is_not_plain(endpoint: str) -> None:
    """User, password, query and fragment are refused, and not repeated."""
    with pytest.raises(WrongUsage, match="plain") as caught:
        settle(endpoint)
    assert "canary" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    "endpoint",
    [
        "vendor.example",
        "vendor.example:443",
        "//vendor.example",
        "ftp://vendor.example",
        "file:///etc/passwd",
        "unix:///run/socket",
        "https://",
        "https:///path",
        "https:vendor.example",
        "https://:443",
        "https://vendor.example:port",
        "https://vendor.example:99999",
        "https://[::1",
        "https://[nonsense]",
        " ",
    ],
)
def test_no_url(endpoint: str) -> None:
    """What is no http URL of a host is wrong usage, with an example of a good one."""
    with pytest.raises(WrongUsage) as caught:
        settle(endpoint)
    assert "https://" in caught.value.message + caught.value.hint


@pytest.mark.parametrize("endpoint", [None, ""])
def test_no_endpoint(endpoint: str | None) -> None:
    """Without an endpoint the setting is named."""
    with pytest.raises(WrongUsage) as caught:
        settle(endpoint)
    assert "RECONCILER_ENDPOINT" in caught.value.hint


@pytest.mark.parametrize("text", ["t0ken", "  t0ken\n", "t0ken\r\n", "\tt0ken"])
def test_a_token_from_the_environment(text: str) -> None:
    """White space around a token is none of it."""
    assert settle(token=text).token.reveal() == "t0ken"


@pytest.mark.parametrize("text", ["t0ken", "t0ken\n", "t0ken\r\n", "\nt0ken\n\n"])
def test_a_token_from_a_file(token_file: Path, text: str) -> None:
    """Nor in a file."""
    token_file.write_bytes(text.encode())
    assert settle(token=None, file=token_file).token.reveal() == "t0ken"


def test_an_empty_variable_is_none(token_file: Path) -> None:
    """An empty variable does not stand against a file."""
    assert settle(token="", file=token_file).token.reveal() == "t0ken"


def test_a_token_given_twice(token_file: Path) -> None:
    """Of two tokens neither is guessed."""
    with pytest.raises(WrongUsage, match="twice"):
        settle(token="another", file=token_file)


@pytest.mark.parametrize("text", [None, "", " ", "\n"])
def test_no_token(text: str | None) -> None:
    """Without a token both ways to give one are named."""
    with pytest.raises(WrongUsage, match="no token") as caught:
        settle(token=text)
    assert "RECONCILER_TOKEN" in caught.value.hint
    assert "--token-file" in caught.value.hint


@pytest.mark.parametrize(
    "text", ["canary\nX-Evil: 1", "canary\r\nx", "can ary", "canary\x00x", "canary\x7fx", "canaryü"]
)
def test_a_token_that_no_header_carries(text: str) -> None:
    """A token that would break out of its header is refused, and not repeated."""
    with pytest.raises(WrongUsage) as caught:
        settle(token=text)
    assert "canary" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o666, 0o620, 0o602, 0o610, 0o601, 0o777])
def test_a_token_file_that_others_reach(token_file: Path, mode: int) -> None:
    """A token file that anybody else may read, write or run is refused, with how to mend it."""
    token_file.chmod(mode)
    with pytest.raises(WrongUsage, match="read by others") as caught:
        settle(token=None, file=token_file)
    assert caught.value.hint == f"chmod 600 {token_file}"


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_private_token_file(token_file: Path, mode: int) -> None:
    """One that only its owner reaches is taken."""
    token_file.chmod(mode)
    assert settle(token=None, file=token_file).token.reveal() == "t0ken"


def test_a_token_file_through_a_link(token_file: Path, tmp_path: Path) -> None:
    """A link to a private file is as good, as mounted secrets are."""
    link = tmp_path / "link"
    link.symlink_to(token_file)
    assert settle(token=None, file=link).token.reveal() == "t0ken"


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "device", "loop"])
def test_a_token_file_that_is_none(tmp_path: Path, kind: str) -> None:
    """What is no regular file is refused at once; a pipe does not hang."""
    path = tmp_path / "token"
    match kind:
        case "folder":
            path.mkdir(mode=0o700)
        case "fifo":
            os.mkfifo(path, 0o600)
        case "device":
            path = Path("/dev/zero")
        case "loop":
            path.symlink_to(path)
    with pytest.raises(WrongUsage, match="token file"):
        settle(token=None, file=path)


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xff\xfe", "t0kenü".encode(), b"t0 ken", b"t0\nken"])
def test_a_token_file_without_a_token(token_file: Path, data: bytes) -> None:
    """What is no token is refused in a file as well."""
    token_file.write_bytes(data)
    with pytest.raises(WrongUsage):
        settle(token=None, file=token_file)


def test_an_endless_token_file(token_file: Path) -> None:
    """A file of a terabyte is not read whole."""
    os.truncate(token_file, 1 << 40)
    with pytest.raises(WrongUsage):
        settle(token=None, file=token_file)


def test_a_long_token(token_file: Path) -> None:
    """A token may be as long as the limit."""
    token_file.write_text("t" * MAX_TOKEN_BYTES)
    assert settle(token=None, file=token_file).token.reveal() == "t" * MAX_TOKEN_BYTES


def test_settings_mask_the_token() -> None:
    """The settings show everything but the token."""
    shown = repr(settle(token="canary"))
    assert "canary" not in shown
    assert HTTPS in shown


def test_two_tokens_do_not_compare() -> None:
    """A secret is equal to itself alone, so that nobody compares one with a guess by accident."""
    assert Secret("t") != Secret("t")


@pytest.mark.parametrize(
    ("url", "reached"), [("http://h", "http://h:80"), ("http://h:8", "http://h:8"), ("http://h:0", "")]
)
def test_the_port_of_a_proxy(url: str, reached: str) -> None:
    """Without one it is 80, and 0 is none."""
    if not reached:
        with pytest.raises(WrongUsage):
            network(None, url)
    else:
        proxy = network(None, url).proxy
        assert proxy is not None
        assert proxy.url == reached
