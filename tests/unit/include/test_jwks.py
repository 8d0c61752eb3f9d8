"""The issuer's keys: fetched when needed, renewed on rotation, kept while the issuer is away."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from include.jwks import KeySet, KeysUnavailableError
from tests.issuer import KEY, OTHER_KEY, Issuer, describe_key, publish_keys, serve_keys

ROTATED = {"keys": [describe_key(OTHER_KEY, "key-2")]}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with serve_keys(publish_keys()) as issuer:
        yield issuer


def make_keys(issuer: Issuer, lifetime: float = 300, refetch: float = 0) -> KeySet:
    return KeySet(issuer.url, lifetime, refetch)


def test_keys_are_fetched_once(issuer):
    keys = make_keys(issuer)
    assert all(keys.find_key("key-1") for _ in range(100))
    assert issuer.fetches == 1


def test_only_public_signing_keys_of_enough_bits_are_taken(issuer):
    keys = make_keys(issuer)
    assert keys.find_key("key-1")
    assert keys.keys.keys() == {"key-1"}


def test_private_keys_are_not_taken(issuer):
    issuer.publish({"keys": [describe_key(KEY, "private", d="AQAB")]})
    with pytest.raises(KeysUnavailableError):
        make_keys(issuer).find_key("private")


def test_a_rotated_key_is_found_and_the_old_one_forgotten(issuer):
    keys = make_keys(issuer)
    keys.find_key("key-1")
    issuer.publish(ROTATED)
    assert keys.find_key("key-2")
    assert keys.find_key("key-1") is None


def test_a_revoked_key_is_forgotten_when_its_lifetime_is_over(issuer):
    keys = make_keys(issuer, lifetime=0)
    keys.find_key("key-1")
    issuer.publish(ROTATED)
    assert keys.find_key("key-1") is None


def test_unknown_key_ids_do_not_make_a_storm(issuer):
    keys = make_keys(issuer, refetch=60)
    threads = [
        threading.Thread(target=lambda n=n: keys.find_key(f"unknown-{n}")) for n in range(50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert issuer.fetches == 1


@pytest.mark.parametrize(
    "document", [{"keys": []}, {"keys": "x"}, {"keys": [1, None, {}]}, [], "x", None]
)
def test_keys_stay_good_while_the_issuer_answers_nonsense(issuer, document):
    keys = make_keys(issuer, lifetime=0)
    keys.find_key("key-1")
    issuer.publish(document)
    assert keys.find_key("key-1")
    assert issuer.fetches == 2


def test_keys_stay_good_while_the_issuer_fails(issuer):
    keys = make_keys(issuer, lifetime=0)
    keys.find_key("key-1")
    issuer.status = 500
    assert keys.find_key("key-1")
    issuer.status, issuer.body = 200, b"<html>"
    assert keys.find_key("key-1")
    issuer.publish(ROTATED)
    assert keys.find_key("key-2")


def test_without_any_key_the_caller_may_try_again(issuer):
    issuer.status = 500
    with pytest.raises(KeysUnavailableError):
        make_keys(issuer).find_key("key-1")
