"""The calls that are made once before processes are forked: answered here, never sent."""

from __future__ import annotations

import threading

import pytest
from botocore.exceptions import EndpointConnectionError

from include import rehearsal
from include.aws import client
from include.settings import get_settings


@pytest.fixture
def nobody_there(monkeypatch):
    """AWS cannot be reached, and there are no credentials."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for cached in (get_settings, client, rehearsal.rehearse):
        cached.cache_clear()
    yield
    for cached in (get_settings, client, rehearsal.rehearse):
        cached.cache_clear()


def test_every_operation_is_called_and_nothing_is_sent(nobody_there, monkeypatch):
    called = []
    answer = rehearsal.answer

    def remember(request, **event):
        called.append(event["event_name"])
        return answer(request, **event)

    monkeypatch.setattr(rehearsal, "answer", remember)
    rehearsal.rehearse()
    assert len(called) == sum(map(len, rehearsal.OPERATIONS.values()))
    assert "before-send.dynamodb.TransactWriteItems" in called


def test_it_is_done_once(nobody_there, monkeypatch):
    rehearsal.rehearse()
    monkeypatch.setattr(rehearsal, "OPERATIONS", {"no-such-service": ("no_operation",)})
    rehearsal.rehearse()


def test_afterwards_calls_are_made_in_earnest(nobody_there, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    rehearsal.rehearse()
    with pytest.raises(EndpointConnectionError):
        client("dynamodb").list_tables()


def test_other_threads_are_not_answered_meanwhile(nobody_there, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    outcomes = []

    def call():
        try:
            outcomes.append(client("dynamodb").list_tables())
        except EndpointConnectionError as error:
            outcomes.append(error)

    with rehearsal.answered(client("dynamodb")) as ready:
        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
        assert ready.list_tables()["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert isinstance(outcomes[0], EndpointConnectionError)
