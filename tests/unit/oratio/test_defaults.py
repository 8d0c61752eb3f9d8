"""Which errors Airflow retries, and what it takes for a run's params."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta

import pytest
from airflow.sdk import RetryAction
from airflow.sdk.definitions.param import ParamsDict, ParamValidationError
from botocore.exceptions import ClientError

from include import errors
from include.settings import get_settings
from oratio.defaults import AGENT_PARAMS, DEFAULT_ARGS

AGENT = "0b8e7f6a-1c2d-4e3f-8a9b-0c1d2e3f4a5b"
GOOD = {"user_id": "alice", "agent_id": AGENT, "generation": 1, "turn": 0}


def copy_params() -> ParamsDict:
    """The params as a DAG run gets them: values set on them must not reach other tests."""
    return ParamsDict(deepcopy(AGENT_PARAMS))


def decide(error: Exception) -> RetryAction:
    return DEFAULT_ARGS["retry_policy"].evaluate(error, try_number=1, max_tries=3).action


@pytest.mark.parametrize(
    "error",
    [
        errors.FatalError("x"),
        errors.QuotaReachedError("x"),
        errors.InvalidInputError("x", "sop"),
        errors.StaleGenerationError("x"),
        errors.DeadlineExceededError("x"),
    ],
)
def test_what_cannot_pass_fails_at_once(error):
    assert decide(error) == RetryAction.FAIL


@pytest.mark.parametrize(
    "error",
    [
        errors.RetryableError("x"),
        errors.ThrottledError("x"),
        errors.ConflictError("x"),
        errors.AgentUnavailableError("x"),
        ClientError({}, "Operation"),
        ValueError("a bug, or bad luck"),
    ],
)
def test_anything_else_is_retried(error):
    assert decide(error) in (RetryAction.RETRY, RetryAction.DEFAULT)


def test_pauses_between_tries_outlast_ten_minutes_and_leave_time_before_the_deadline():
    first, factor = DEFAULT_ARGS["retry_delay"], DEFAULT_ARGS["retry_exponential_backoff"]
    pauses = [
        min(first * factor**n, DEFAULT_ARGS["max_retry_delay"])
        for n in range(DEFAULT_ARGS["retries"])
    ]
    assert sum(pauses, timedelta()) > timedelta(minutes=10)
    longest = [min(2 * pause, DEFAULT_ARGS["max_retry_delay"]) for pause in pauses]  # with jitter
    deadline = timedelta(minutes=get_settings().run_deadline_minutes)
    assert sum(longest, timedelta()) < deadline - timedelta(minutes=10)


def test_the_policy_survives_serialization():
    policy = DEFAULT_ARGS["retry_policy"]
    copy = type(policy).deserialize(policy.serialize())
    decision = copy.evaluate(errors.QuotaReachedError("x"), try_number=1, max_tries=3)
    assert decision.action == RetryAction.FAIL


def test_good_params():
    params = copy_params()
    params.update(GOOD)
    assert params.validate() == GOOD


@pytest.mark.parametrize(
    "bad",
    [
        {"user_id": "alice/../bob"},
        {"user_id": ""},
        {"user_id": "a" * 65},
        {"user_id": "alice\n"},
        {"user_id": "{{ var.value.x }}"},
        {"user_id": 3},
        {"agent_id": "a1"},
        {"agent_id": AGENT.upper()},
        {"agent_id": f"{AGENT}/x"},
        {"agent_id": f"{AGENT}\n"},
        {"generation": 0},
        {"generation": "1"},
        {"generation": 1.5},
        {"turn": -1},
        {"turn": "first"},
    ],
)
def test_bad_params(bad):
    params = copy_params()
    for name, value in (GOOD | bad).items():
        params.get_param(name).value = value
    with pytest.raises(ParamValidationError):
        params.validate()


@pytest.mark.parametrize("missing", ["user_id", "agent_id"])
def test_missing_params(missing):
    params = copy_params()
    params.update({name: v for name, v in GOOD.items() if name != missing})
    with pytest.raises(ParamValidationError):
        params.validate()
