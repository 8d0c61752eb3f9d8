"""What a tenant reads of a failure, and which step it is charged to."""

from __future__ import annotations

import pytest

from include.errors import IngestionFailedError, OratioError, QuotaReachedError
from include.models import AgentType, Step, StepError, StepStatus
from include.steps import INTERNAL_ERROR, build_websocket_url, describe_error, find_failure
from tests.fakes import make_agent

ERROR = StepError(code="quota_reached", message="Full.")


def step(status: StepStatus, minute: int, error: StepError | None = None) -> Step:
    started_at = f"2026-01-01T00:{minute:02}:00.000+00:00"
    return Step(status=status, attempt=1, started_at=started_at, error=error)


def test_our_errors_are_shown():
    error = describe_error(QuotaReachedError("The account is full."))
    assert (error.code, error.message) == ("quota_reached", "The account is full.")


@pytest.mark.parametrize(
    "error", [ValueError("arn:aws:iam::123456789012:role/x"), KeyError("secret"), Exception()]
)
def test_of_foreign_errors_nothing_is_shown(error):
    assert describe_error(error) == INTERNAL_ERROR


def test_long_reasons_are_cut():
    assert len(describe_error(IngestionFailedError("x" * 5_000)).message) == 1_000


def test_the_first_failed_step_is_named():
    steps = {
        "later": step(StepStatus.FAILED, 3, StepError(code="c", message="m")),
        "ok": step(StepStatus.SUCCEEDED, 1),
        "earlier": step(StepStatus.FAILED, 2, ERROR),
    }
    assert find_failure(make_agent(steps=steps), INTERNAL_ERROR) == ("earlier", ERROR)


@pytest.mark.parametrize("status", [StepStatus.RUNNING, StepStatus.WAITING])
def test_a_step_that_was_cut_off_gets_the_default(status):
    steps = {"done": step(StepStatus.SUCCEEDED, 1), "cut": step(status, 2)}
    assert find_failure(make_agent(steps=steps), ERROR) == ("cut", ERROR)


def test_a_run_that_began_nothing_has_no_failed_step():
    assert find_failure(make_agent(), ERROR) == (None, ERROR)


def test_a_failed_step_without_a_reason_gets_the_default():
    agent = make_agent(steps={"s": step(StepStatus.FAILED, 1)})
    assert find_failure(agent, ERROR) == ("s", ERROR)


@pytest.mark.parametrize("kind", AgentType)
def test_only_agents_that_speak_have_a_voice_address(kind):
    address = build_websocket_url(make_agent(agent_type=kind, agent_id="a1"))
    assert address == (None if kind == "text" else "ws://127.0.0.1:8001/agents/a1")


def test_an_error_of_ours_without_a_class_of_its_own_is_internal():
    assert describe_error(OratioError("x")).code == "internal_error"
