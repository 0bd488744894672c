"""Which URLs name a ledger in an object store, and that a store can be made of each without a network."""

from __future__ import annotations

import pytest

pytest.importorskip("obstore", reason="the extra `remote` is not installed")

from reconciler.errors import ReconcilerError, WrongUsage
from reconciler.ledger.bucket import ObjectPlace, parse_url
from reconciler.ledger.object_store import ObjectStore
from reconciler.ledger.remote import RemoteStore


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("s3://b/ledger.json", ObjectPlace("s3", "b", "ledger.json")),
        ("S3://my.bucket-1/a/b c/张.json", ObjectPlace("s3", "my.bucket-1", "a/b c/张.json")),
        ("gs://b_1/team/ledger", ObjectPlace("gs", "b_1", "team/ledger")),
        ("az://$root/100%25/x", ObjectPlace("az", "$root", "100%25/x")),
    ],
)
def test_a_url_is_bucket_and_key(url: str, place: ObjectPlace) -> None:
    """The host is the bucket (the container), the rest is the key as it stands: nothing is decoded."""
    assert parse_url(url) == place


@pytest.mark.parametrize(
    "url",
    [
        *("s3://canary:canary@b/k", "s3://canary@b/k", "s3://b:443/k", "s3://b/k?X-Amz-Signature=canary", "s3://b/k?"),
        *("s3://b/k#canary", "s3://b/k#", "s3://", "s3://b", "s3://b/", "s3://b/k/", "s3://b//k", "s3://b/../k"),
        *("s3:///k", "s3:k", "s3://b/./k", "s3://b/a\\b", "s3://b/a\x00b", "s3://[b/k", "s3://b c/k", "s3://ä/k"),
        *("https://canary.example/k", "file:///k", "memory:///k", "", "k", "s3a://b/k", "azure://b/k"),
    ],
)
def test_no_other_url_will_do(url: str) -> None:
    """A URL with credentials, a query, or without bucket or key is wrong usage, and is never repeated."""
    with pytest.raises(WrongUsage) as refusal:
        parse_url(url)
    assert "canary" not in f"{refusal.value} {refusal.value.hint}"


@pytest.mark.parametrize("url", ["s3://b/k.json", "gs://b/k.json", "az://b/k.json"])
def test_a_store_needs_no_network_to_be_made(bare: pytest.MonkeyPatch, url: str) -> None:
    """All three kinds are made from the environment, and named by their URL."""
    bare.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    assert RemoteStore(ObjectStore(url)).name == url


def test_the_environment_names_no_other_bucket(bare: pytest.MonkeyPatch) -> None:
    """`AWS_BUCKET` and the like do not win over the URL."""
    bare.setenv("AWS_BUCKET", "another")
    assert RemoteStore(ObjectStore("s3://b/k")).name == "s3://b/k"


@pytest.mark.parametrize(
    ("url", "name", "value"),
    [
        ("az://c/k", "AZURE_STORAGE_ACCOUNT_KEY", "canary"),
        ("s3://b/k", "AWS_S3_EXPRESS", "canary"),
        ("gs://b/k", "GOOGLE_SERVICE_ACCOUNT_KEY", "canary"),
    ],
)
def test_an_unusable_environment_is_not_quoted(bare: pytest.MonkeyPatch, url: str, name: str, value: str) -> None:
    """What the environment lacks or garbles is an error in our words, without the value."""
    bare.setenv(name, value)
    with pytest.raises(ReconcilerError, match="the environment does not tell") as refusal:
        RemoteStore(ObjectStore(url))
    assert "canary" not in f"{refusal.value} {refusal.value.hint}"
