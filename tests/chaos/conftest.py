"""One stack for all runs under faults, with a faulty proxy before Airflow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest

from benchmarks.own_stack import find_free_ports
from tests.chaos.figures import render_tables
from tests.chaos.proxy import FaultyProxy, serve_proxy
from tests.steering import Steering
from tests.system.conftest import RunningStack, run_stack

# As many agents as a run needs, as few of their processes as the machine can bear, and a wait whose
# end can be waited for.
ROOM = {
    "STAND_IN_QUOTA_KNOWLEDGE_BASES": "100000",
    "KNOWLEDGE_BASE_QUOTA": "100000",
    "STAND_IN_QUOTA_INGESTION_JOBS": "1000",
    "MAX_CREATING_PER_TENANT": "1000",
    "STAND_IN_AGENT_IDLE_SECONDS": "20",
    "WAIT_TIMEOUT_SECONDS": "180",
    "AIRFLOW_PARALLELISM": os.environ.get("CHAOS_PARALLELISM", "48"),
}
POOL_SLOTS = 64  # held calls keep theirs


@pytest.fixture(scope="session")
def proxy() -> Iterator[FaultyProxy]:
    """A proxy at the port where intake and tasks look for Airflow."""
    port, upstream = find_free_ports(2)
    with serve_proxy(port, f"http://127.0.0.1:{upstream}") as proxy:
        yield proxy


@pytest.fixture(scope="session")
def stack(proxy: FaultyProxy) -> Iterator[RunningStack]:
    """A healthy stack behind that proxy; in a folder as that of tests/system/conftest.py."""
    ports = {
        "AIRFLOW_PORT": proxy.upstream.rpartition(":")[2],
        "AIRFLOW_FRONT_PORT": str(proxy.server_address[1]),
    }
    with (
        TemporaryDirectory(prefix="stack-") as folder,
        run_stack(Path(folder), **ROOM, **ports) as running,
    ):
        widen_pool(running)
        yield running


def widen_pool(stack: RunningStack) -> None:
    """Give the ingestion pool room."""
    with stack.airflow() as airflow:
        pool = {"name": "bedrock_ingestion", "slots": POOL_SLOTS, "include_deferred": True}
        path = "/api/v2/pools/bedrock_ingestion"
        answer = airflow.patch(path, json=pool, params={"update_mask": ["slots"]})
        assert answer.status_code == httpx.codes.OK, answer.text


@pytest.fixture
def steering(stack: RunningStack) -> Iterator[Steering]:
    """The stand-in's faults; off again afterwards."""
    steering = Steering(stack.settings.aws_url)
    yield steering
    steering.clear()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the tables of docs/resilience.md."""
    if tables := render_tables():
        terminalreporter.section("figures")
        terminalreporter.write_line(tables)
