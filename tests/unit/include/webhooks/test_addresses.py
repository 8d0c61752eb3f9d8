"""Which URLs a webhook may have: none that leads into a network of ours."""

from __future__ import annotations

import pytest

from include.errors import ConfigurationError, InvalidInputError
from include.settings import Settings
from include.webhooks.addresses import check_webhook_settings, is_public, parse_url
from tests.hostile_urls import HOSTILE_URLS

PUBLIC = ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "2a00:1450:4001:80b::200e"]
NOT_PUBLIC = [
    "0.1.2.3", "10.1.1.1", "100.127.255.255", "127.8.8.8", "169.254.1.1", "172.31.0.1",
    "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "203.0.113.9",
    "239.255.255.250", "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:8.8.8.8",
    "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:808:808::",
    "3fff::1", "5f00::1", "fc00::1", "fe80::1%eth0", "fec0::1", "ff0e::1",
]  # fmt: skip


@pytest.mark.parametrize("url", HOSTILE_URLS)
def test_hostile_urls_are_refused(url):
    with pytest.raises(InvalidInputError) as refused:
        parse_url(url)
    assert refused.value.field == "url"


@pytest.mark.parametrize("url", ["https://example.com", "https://EXAMPLE.com:443/a?b=c"])
def test_others_are_taken_apart(url):
    receiver = parse_url(url)
    assert (receiver.scheme, receiver.host, receiver.port) == ("https", "example.com", 443)
    assert receiver.target in {"/", "/a?b=c"}


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_internet_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_addresses_for_something_else_are_not(address):
    assert not is_public(address)


def test_ports_are_a_setting(configure):
    configure(WEBHOOK_PORTS="443, 8443")
    assert parse_url("https://example.com:8443/").port == 8443


def test_development_allows_this_machine(configure):
    configure(WEBHOOK_DEVELOPMENT="true")
    assert parse_url("http://127.0.0.1:9000/hook").port == 9000
    with pytest.raises(InvalidInputError):
        parse_url("file:///etc/passwd")


def test_production_forbids_development():
    check_webhook_settings(Settings(webhook_development=True))
    with pytest.raises(ConfigurationError, match="WEBHOOK_DEVELOPMENT"):
        check_webhook_settings(Settings(webhook_development=True, production=True))
