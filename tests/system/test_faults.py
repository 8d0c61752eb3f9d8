"""One small sample of each kind of run in tests/chaos, which `make chaos` runs at full size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local.supervisor import connect
from tests.chaos.crowd import Crowd
from tests.chaos.kills import KILLS
from tests.steering import Steering

pytestmark = pytest.mark.system


@pytest.fixture
def steering(stack: Any) -> Iterator[Steering]:
    """The stand-in's faults; off again afterwards."""
    steering = Steering(stack.settings.aws_url)
    yield steering
    steering.clear()


def require_one_of_each(crowd: Crowd) -> None:
    """All agents become active, and nothing was made twice."""
    agents = crowd.wait_until_final(seconds=240)
    assert [agent["status"] for agent in agents] == ["active"] * len(agents), agents
    assert not crowd.find_duplicates()


def test_random_faults_cost_no_agent(stack: Any, steering: Steering) -> None:
    kinds = ("throttle", "server_error", "timeout_after_success")
    steering.put(*({"kind": kind, "probability": 0.02} for kind in kinds), seed=7)
    require_one_of_each(Crowd.submit(stack, 3))
    assert sum(rule["fired"] for rule in steering.state()["rules"]) > 0


def test_a_task_killed_between_call_and_record_makes_nothing_twice(
    stack: Any, steering: Steering
) -> None:
    steering.put({
        "kind": "hold", "operation": "CreateKnowledgeBase", "when": "after", "count": 1
    })  # fmt: skip
    crowd = Crowd.submit(stack, 1)
    steering.wait_until_held(1)
    assert KILLS["task"](stack) > 0
    steering.clear()
    require_one_of_each(crowd)


def test_a_run_outlasts_the_api_server(stack: Any, steering: Steering) -> None:
    steering.put({"kind": "hold", "operation": "CreateKnowledgeBase", "count": 1})
    crowd = Crowd.submit(stack, 1)
    steering.wait_until_held(1)
    supervisor = connect(stack.settings)
    supervisor.stopProcess("airflow-api-server")
    steering.clear()
    late = Crowd.submit(stack, 1)
    supervisor.startProcess("airflow-api-server")
    require_one_of_each(crowd)
    require_one_of_each(late)


def test_what_cannot_succeed_is_not_tried_again(stack: Any, steering: Steering) -> None:
    steering.put(outcomes=[{"ending": "runtime CREATE_FAILED", "reason": "No room left"}])
    (agent,) = Crowd.submit(stack, 1).wait_until_final(seconds=120)
    assert agent["status"] == "failed"
    assert agent["failure"]["code"] == "runtime_failed"
    assert "No room left" in agent["failure"]["message"]
    assert agent["steps"]["deploy_runtime"]["attempt"] == 1
