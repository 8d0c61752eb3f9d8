"""What happens when a run fails as a whole: its agent is told why, and nothing breaks."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from botocore.exceptions import EndpointConnectionError

from include.errors import StaleGenerationError
from include.models import AgentRef
from oratio import callbacks
from oratio.callbacks import record_failed_run

CONF = {"user_id": "alice", "agent_id": "a1", "generation": 2}


def make_context(conf, **more):
    return {"dag_run": SimpleNamespace(conf=conf), **more}


@pytest.fixture
def failed(monkeypatch):
    calls = []
    monkeypatch.setattr(callbacks, "fail_agent", lambda ref, error: calls.append((ref, error.code)))
    return calls


def test_a_run_that_took_too_long(failed):
    record_failed_run(make_context(CONF, reason="timed_out"))
    assert failed == [(AgentRef("alice", "a1", 2), "deadline_exceeded")]


@pytest.mark.parametrize("more", [{}, {"reason": "task_failure"}, {"reason": None}])
def test_a_run_that_was_stopped(failed, more):
    record_failed_run(make_context(CONF, **more))
    assert failed == [(AgentRef("alice", "a1", 2), "run_stopped")]


def test_a_run_without_a_generation_is_of_the_first(failed):
    record_failed_run(make_context({"user_id": "alice", "agent_id": "a1"}))
    assert failed[0][0].generation == 1


@pytest.mark.parametrize(
    "error",
    [
        StaleGenerationError("Gone on."),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
        RuntimeError("a bug"),
    ],
)
def test_nothing_is_raised_when_the_record_cannot_be_written(monkeypatch, error):
    def fail_agent(ref, reason):
        raise error

    monkeypatch.setattr(callbacks, "fail_agent", fail_agent)
    record_failed_run(make_context(CONF))


@pytest.mark.parametrize("context", [{}, make_context({}), make_context(None)])
def test_nothing_is_raised_when_airflow_gives_half_a_context(failed, context):
    record_failed_run(context)
    assert failed == []
