"""The trigger ends its step or wakes it when there is something to do, and only then."""

from __future__ import annotations

import asyncio
import importlib
import json

import pytest
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent
from botocore.exceptions import ClientError, EndpointConnectionError

from include import waits
from include.errors import AirflowUnavailableError, NotReadyError
from include.models import AgentRef
from oratio import triggers
from oratio.triggers import SettledTrigger


def aws_error(code: str) -> ClientError:
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    return ClientError(response, "GetAgentRuntime")


UNREACHABLE = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
AWAY = AirflowUnavailableError("Airflow cannot be reached.")
REF = {"user_id": "alice", "agent_id": "0b8e7f6a-1c2d-4e3f-8a9b-0c1d2e3f4a5b", "generation": 2}
WAKE_UP = TriggerEvent({"settled": "runtime"})


class FakeProbe:
    """is_settled and finish_step with scripts; records what was asked, and the pauses."""

    def __init__(self, monkeypatch, *outcomes, finishes=(False,)):
        self.outcomes = list(outcomes)
        self.finishes = list(finishes)
        self.asked = []
        self.finished = []
        self.pauses = []
        monkeypatch.setattr(waits, "is_settled", self.is_settled)
        monkeypatch.setattr(triggers, "finish_step", self.finish_step)
        monkeypatch.setattr(triggers.asyncio, "sleep", self.sleep)

    def is_settled(self, probe, ids):
        self.asked.append((probe, ids))
        return self.play(self.outcomes)

    def finish_step(self, ref, name):
        self.finished.append((ref, name))
        return self.play(self.finishes)

    def play(self, script):
        outcome = script.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def sleep(self, seconds):
        self.pauses.append(seconds)


def fire() -> list:
    """The events of a trigger that waits for a runtime."""
    trigger = SettledTrigger("deploy_runtime", REF, "runtime", {"id": "r1"})

    async def collect():
        return [event async for event in trigger.run()]

    return asyncio.run(collect())


def test_it_wakes_the_step_once_when_the_resource_has_settled(monkeypatch):
    probe = FakeProbe(monkeypatch, False, False, True)
    assert fire() == [WAKE_UP]
    assert probe.asked == [("runtime", {"id": "r1"})] * 3


def test_it_ends_the_step_when_that_could_be_finished(monkeypatch):
    probe = FakeProbe(monkeypatch, False, True, finishes=[True])
    [event] = fire()
    assert isinstance(event, TaskSuccessEvent)
    assert probe.finished == [(AgentRef(**REF), "deploy_runtime")]


def test_it_goes_on_waiting_for_what_comes_next(monkeypatch, configure):
    configure(WAIT_POLL_SECONDS=1, WAIT_POLL_MAX_SECONDS=3)
    pending = NotReadyError("Endpoint is CREATING.", "endpoint", {"id": "r1", "name": "production"})
    probe = FakeProbe(monkeypatch, False, False, True, False, True, finishes=[pending, True])
    assert isinstance(fire()[0], TaskSuccessEvent)
    assert probe.asked == [("runtime", {"id": "r1"})] * 3 + [("endpoint", pending.ids)] * 2
    assert probe.pauses == [1, 1.5, 1, 1.5]


@pytest.mark.parametrize("error", [aws_error("ThrottlingException"), UNREACHABLE, AWAY])
def test_it_keeps_polling_through_what_passes(monkeypatch, error):
    probe = FakeProbe(monkeypatch, error, error, True)
    assert fire() == [WAKE_UP]
    assert probe.outcomes == []


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
def test_it_wakes_the_step_on_what_lasts(monkeypatch, code):
    FakeProbe(monkeypatch, aws_error(code))
    assert fire() == [WAKE_UP]


def test_pauses_grow_up_to_a_limit(monkeypatch, configure):
    configure(WAIT_POLL_SECONDS=1, WAIT_POLL_MAX_SECONDS=3)
    probe = FakeProbe(monkeypatch, *[False] * 5, True)
    fire()
    assert probe.pauses == [1, 1.5, 2.25, 3, 3]


def test_an_error_of_our_own_is_not_swallowed(monkeypatch):
    FakeProbe(monkeypatch, KeyError("weather"))
    with pytest.raises(KeyError):
        fire()


def test_it_comes_back_from_airflow_s_database_as_it_was():
    ids = {"id": "k", "data_source_id": "d"}
    trigger = SettledTrigger("ingest_documents", REF, "documents", ids)
    path, arguments = json.loads(json.dumps(trigger.serialize()))
    module, _, name = path.rpartition(".")
    copy = getattr(importlib.import_module(module), name)(**arguments)
    assert type(copy) is SettledTrigger
    assert copy.serialize() == trigger.serialize()
