"""A step under Airflow: it runs, it waits without a worker, and no wait lasts for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk.bases.operator import TRIGGER_FAIL_REPR
from airflow.sdk.exceptions import TaskDeferralError, TaskDeferred
from airflow.triggers.base import TriggerEvent

from include.errors import DeadlineExceededError, NotReadyError, StaleGenerationError
from include.models import AgentRef
from oratio.operators import step
from oratio.operators.step import StepOperator, read_ref

RUN_STARTED_AT = datetime(2026, 1, 1, tzinfo=UTC)
REF = AgentRef("alice", "0b8e7f6a-1c2d-4e3f-8a9b-0c1d2e3f4a5b", 2)
CONTEXT = {
    "params": {"user_id": REF.user_id, "agent_id": REF.agent_id, "generation": 2},
    "ti": SimpleNamespace(try_number=3),
    "dag_run": SimpleNamespace(start_date=RUN_STARTED_AT),
}
PENDING = NotReadyError("Runtime is CREATING.", "runtime", {"id": "r1"})
TIMEOUT = {"error": "Trigger timeout"}


class FakeSteps:
    """include.steps with a script: each run of the step takes the next outcome."""

    def __init__(self, monkeypatch, *outcomes, remaining=60.0):
        self.outcomes = list(outcomes)
        self.remaining = remaining
        self.runs = []
        self.failures = []
        for name in ("run_step", "remaining_wait_seconds", "fail_step"):
            monkeypatch.setattr(step, name, getattr(self, name))

    def run_step(self, ref, name, attempt, work):
        self.runs.append((ref, name, attempt, work))
        outcome = self.outcomes.pop(0)
        if outcome:
            raise outcome

    def remaining_wait_seconds(self, ref, name, run_started_at):
        assert run_started_at == RUN_STARTED_AT
        if isinstance(self.remaining, Exception):
            raise self.remaining
        return self.remaining

    def fail_step(self, ref, name, error):
        self.failures.append((ref, name, type(error)))


class NoWork(StepOperator):
    def work(self, agent, redo):
        raise AssertionError("The protocol decides when to work.")


@pytest.fixture
def operator():
    return NoWork(task_id="deploy_runtime")


def test_the_run_s_params_name_the_agent():
    assert read_ref(CONTEXT) == REF


def test_a_step_that_succeeds_ends_here(monkeypatch, operator):
    steps = FakeSteps(monkeypatch, None)
    assert operator.execute(CONTEXT) is None
    assert steps.runs == [(REF, "deploy_runtime", 3, operator.work)]


def test_a_step_that_waits_is_deferred_with_a_limit(monkeypatch, operator):
    FakeSteps(monkeypatch, PENDING, remaining=42.5)
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(CONTEXT)
    assert deferred.value.method_name == "resume"
    assert deferred.value.timeout == timedelta(seconds=42.5)
    trigger = deferred.value.trigger
    assert (trigger.step, trigger.ref) == ("deploy_runtime", REF)
    assert (trigger.probe, trigger.ids) == ("runtime", {"id": "r1"})


def test_after_a_wait_the_whole_step_runs_again(monkeypatch, operator):
    steps = FakeSteps(monkeypatch, PENDING, PENDING, None)
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(CONTEXT)
    event = {"event": TriggerEvent({"settled": "runtime"}).payload}
    with pytest.raises(TaskDeferred):
        operator.resume_execution(deferred.value.method_name, event, CONTEXT)
    operator.resume_execution("resume", event, CONTEXT)
    assert steps.runs == [(REF, "deploy_runtime", 3, operator.work)] * 3


def test_a_deferral_that_times_out_is_our_error_and_on_record(monkeypatch, operator):
    steps = FakeSteps(monkeypatch)
    with pytest.raises(DeadlineExceededError):
        operator.resume_execution(TRIGGER_FAIL_REPR, TIMEOUT, CONTEXT)
    assert steps.failures == [(REF, "deploy_runtime", DeadlineExceededError)]
    assert steps.runs == []


def test_a_trigger_that_breaks_is_left_to_airflow_s_retries(monkeypatch, operator):
    steps = FakeSteps(monkeypatch)
    with pytest.raises(TaskDeferralError):
        operator.resume_execution(TRIGGER_FAIL_REPR, {"error": "Trigger failure"}, CONTEXT)
    assert steps.failures == []


def test_no_wait_begins_when_the_time_is_used_up(monkeypatch, operator):
    limit = DeadlineExceededError("Too long.")
    steps = FakeSteps(monkeypatch, PENDING, remaining=limit)
    with pytest.raises(DeadlineExceededError):
        operator.execute(CONTEXT)
    assert steps.failures == [(REF, "deploy_runtime", DeadlineExceededError)]


def test_an_outdated_run_stops(monkeypatch, operator):
    FakeSteps(monkeypatch, StaleGenerationError("Gone on."))
    with pytest.raises(StaleGenerationError):
        operator.execute(CONTEXT)


def test_the_base_does_nothing_by_itself():
    with pytest.raises(NotImplementedError):
        StepOperator(task_id="t").work(None, False)
