"""Each process of Airflow's is killed while calls of every step are held at every boundary."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.chaos.boundaries import PHASES, build_holds
from tests.chaos.crowd import Crowd
from tests.chaos.figures import add_row, p50, p95
from tests.chaos.kills import KILLS
from tests.system.conftest import RunningStack
from tests.system.test_recovery import is_healthy

pytestmark = [pytest.mark.system, pytest.mark.chaos, pytest.mark.timeout(1200)]

EACH = int(os.environ.get("CHAOS_EACH", "5"))
COLUMNS = (
    "| killed | at | calls held | agents | active | duplicates | steps interrupted | "
    "seconds until they succeeded: p50 | p95 | until healthy |"
)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("kind", KILLS)
def test_no_agent_is_lost_or_made_twice(stack: Any, steering: Any, kind: str, phase: str) -> None:
    holds = build_holds(phase, EACH)
    steering.put(*holds)
    crowd = Crowd.submit(stack, EACH * len(holds))
    held = wait_until_held(steering, EACH * len(holds))
    interrupted = list_running_steps(crowd)
    killed_at = datetime.now(UTC)
    assert KILLS[kind](stack) > 0
    time.sleep(0.5)
    steering.clear()
    healthy_seconds = wait_until_healthy(stack, killed_at)
    agents = crowd.wait_until_final(seconds=600)
    report(kind, phase, held, crowd, agents, interrupted, killed_at, healthy_seconds)
    assert not list_failures(agents)
    assert not crowd.find_duplicates()


def test_waiting_agents_outlive_the_triggerer(stack: Any, steering: Any) -> None:
    stack.set_delay("bedrock-agent::knowledge_base", 3600)
    crowd = Crowd.submit(stack, 3 * EACH)
    assert not crowd.wait_until(is_waiting, seconds=120)
    interrupted = {(each, "ensure_knowledge_base") for each in crowd.agent_ids}
    killed_at = datetime.now(UTC)
    KILLS["triggerer"](stack)
    stack.set_delay("bedrock-agent::knowledge_base", 0)
    healthy_seconds = wait_until_healthy(stack, killed_at)
    agents = crowd.wait_until_final(seconds=600)
    report("triggerer", "while waiting", 0, crowd, agents, interrupted, killed_at, healthy_seconds)
    assert not list_failures(agents)
    assert not crowd.find_duplicates()


def list_failures(agents: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Agents that did not become active, and why."""
    keys = ("agentId", "status", "failedStep", "failure")
    return [tuple(a.get(key) for key in keys) for a in agents if a["status"] != "active"]


def wait_until_held(steering: Any, count: int) -> int:
    """Wait until so many calls are held, or no more come; returns how many are."""
    held, seen_at = 0, time.monotonic()
    while held < count and time.monotonic() - seen_at < 30:
        now_held = sum(rule["held"] for rule in steering.state()["rules"])
        if now_held > held:
            held, seen_at = now_held, time.monotonic()
        time.sleep(0.2)
    assert held, "no call is held"
    return held


def is_waiting(agent: dict[str, Any]) -> bool:
    """Whether the agent waits for its knowledge base, and nothing else is at work."""
    states = {name: step["status"] for name, step in agent["steps"].items()}
    return states == {"ensure_knowledge_base": "waiting", "generate_code": "succeeded"}


def list_running_steps(crowd: Crowd) -> set[tuple[str, str]]:
    """Agent id and name of every step that runs now."""
    return {
        (agent["agentId"], name)
        for agent in crowd.read()
        for name, step in agent["steps"].items()
        if step["status"] == "running"
    }


def wait_until_healthy(stack: RunningStack, killed_at: datetime) -> float:
    """Wait until all programs run and say that they are healthy; returns seconds since the kill."""
    while not is_healthy(stack):
        assert (seconds := (datetime.now(UTC) - killed_at).total_seconds()) < 300, seconds
        time.sleep(0.5)
    return (datetime.now(UTC) - killed_at).total_seconds()


def report(
    kind: str,
    phase: str,
    held: int,
    crowd: Crowd,
    agents: list[dict[str, Any]],
    interrupted: set[tuple[str, str]],
    killed_at: datetime,
    healthy_seconds: float,
) -> None:
    """Add a row of figures."""
    by_id = {agent["agentId"]: agent for agent in agents}
    ended = [by_id[agent_id]["steps"][name]["endedAt"] for agent_id, name in interrupted]
    seconds = [(datetime.fromisoformat(at) - killed_at).total_seconds() for at in ended if at]
    active = sum(agent["status"] == "active" for agent in agents)
    add_row(
        "Kills", COLUMNS, kind, phase, held, len(agents), active, len(crowd.find_duplicates()),
        len(seconds), p50(seconds), p95(seconds), f"{healthy_seconds:.0f}",
    )  # fmt: skip
