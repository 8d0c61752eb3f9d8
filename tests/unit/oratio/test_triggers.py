"""The trigger wakes its step when there is something to do, and only then."""

from __future__ import annotations

import asyncio
import importlib

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from include import waits
from include.errors import AirflowUnavailableError
from oratio import triggers
from oratio.triggers import SettledTrigger


def aws_error(code: str) -> ClientError:
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    return ClientError(response, "GetAgentRuntime")


UNREACHABLE = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
AWAY = AirflowUnavailableError("Airflow cannot be reached.")


class FakeProbe:
    """include.waits.is_settled with a script; records what it was asked and the pauses."""

    def __init__(self, monkeypatch, *outcomes):
        self.outcomes = list(outcomes)
        self.asked = []
        self.pauses = []
        monkeypatch.setattr(waits, "is_settled", self.is_settled)
        monkeypatch.setattr(triggers.asyncio, "sleep", self.sleep)

    def is_settled(self, probe, ids):
        self.asked.append((probe, ids))
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def sleep(self, seconds):
        self.pauses.append(seconds)


def fire(trigger: SettledTrigger) -> list:
    async def collect():
        return [event.payload async for event in trigger.run()]

    return asyncio.run(collect())


def test_it_fires_once_when_the_resource_has_settled(monkeypatch):
    probe = FakeProbe(monkeypatch, False, False, True)
    assert fire(SettledTrigger("runtime", {"id": "r1"})) == [{"settled": "runtime"}]
    assert probe.asked == [("runtime", {"id": "r1"})] * 3


@pytest.mark.parametrize("error", [aws_error("ThrottlingException"), UNREACHABLE, AWAY])
def test_it_keeps_polling_through_what_passes(monkeypatch, error):
    probe = FakeProbe(monkeypatch, error, error, True)
    assert fire(SettledTrigger("runtime", {"id": "r1"})) == [{"settled": "runtime"}]
    assert probe.outcomes == []


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
def test_it_wakes_the_step_on_what_lasts(monkeypatch, code):
    FakeProbe(monkeypatch, aws_error(code))
    assert fire(SettledTrigger("runtime", {"id": "r1"})) == [{"settled": "runtime"}]


def test_pauses_grow_up_to_a_limit(monkeypatch, configure):
    configure(WAIT_POLL_SECONDS=1, WAIT_POLL_MAX_SECONDS=3)
    probe = FakeProbe(monkeypatch, *[False] * 5, True)
    fire(SettledTrigger("runtime", {"id": "r1"}))
    assert probe.pauses == [1, 1.5, 2.25, 3, 3]


def test_an_error_of_our_own_is_not_swallowed(monkeypatch):
    FakeProbe(monkeypatch, KeyError("weather"))
    with pytest.raises(KeyError):
        fire(SettledTrigger("weather", {}))


def test_it_comes_back_from_airflow_s_database_as_it_was():
    trigger = SettledTrigger("documents", {"id": "k", "data_source_id": "d"})
    path, arguments = trigger.serialize()
    module, _, name = path.rpartition(".")
    copy = getattr(importlib.import_module(module), name)(**arguments)
    assert type(copy) is SettledTrigger
    assert copy.serialize() == trigger.serialize()
