"""Any process of the stack may be killed: it comes back by itself, and so does its work."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from local.health import CHECKS
from local.supervisor import is_running, list_states
from tests.system.conftest import wait_until

pytestmark = pytest.mark.system

PROGRAMS = [
    "postgres",
    "aws",
    "airflow-api-server",
    "airflow-scheduler",
    "airflow-dag-processor",
    "airflow-triggerer",
    "api",
    "gateway",
    "guardian",
]


def is_healthy(stack: Any) -> bool:
    """Whether all programs run and all checks pass."""
    if not is_running(stack.settings):
        return False
    states = list_states(stack.settings)
    is_all_running = all(states[name]["statename"] == "RUNNING" for name in PROGRAMS)
    return is_all_running and not any(check(stack.settings) for check in CHECKS.values())


@pytest.mark.parametrize("name", PROGRAMS)
def test_killed_program_comes_back(stack: Any, name: str) -> None:
    pid = list_states(stack.settings)[name]["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(
        lambda: is_healthy(stack) and list_states(stack.settings)[name]["pid"] not in (0, pid),
        f"{name} to come back",
    )


def test_killed_supervisor_comes_back(stack: Any) -> None:
    pid = int((stack.settings.var / "run" / "supervisor.pid").read_text())
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: is_healthy(stack), "the supervisor to come back")
    assert int((stack.settings.var / "run" / "supervisor.pid").read_text()) != pid


def test_agents_survive_a_killed_stand_in(stack: Any) -> None:
    tenant = stack.tenant("survivor")
    documents = {"hours.md": b"# Hours\n\nThe shop opens at nine and closes at six."}
    agent = tenant.wait_for(tenant.create(documents)["agentId"], "active")
    settled = stack.settings.var / "aws" / "state.pickle"
    for _ in range(2):  # the first may have been begun before the agent was active
        saved_at = settled.stat().st_mtime_ns
        tenant.create(documents)  # a write, without which no snapshot is made
        wait_until(
            lambda saved_at=saved_at: settled.stat().st_mtime_ns > saved_at, "the next snapshot"
        )
    os.kill(list_states(stack.settings)["aws"]["pid"], signal.SIGKILL)
    wait_until(lambda: is_healthy(stack), "the stand-in to come back")
    assert "nine" in tenant.ask(agent["agentId"], "When does the shop open?")["answer"]
