"""One whole embedded stack for all system tests: own ports, own data folder."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import httpx
import pytest

from benchmarks.own_stack import PORTS, find_free_ports
from local.health import open_airflow
from local.secrets import load_secrets
from local.settings import ROOT, StackSettings
from local.tokens import make_token

FIELDS = {
    "agentName": "Desk",
    "agentType": "text",
    "sop": "Answer customers politely from the documents. Never promise a refund.",
    "knowledgeBaseDescription": "The shop's rules on returns and opening hours.",
    "humanHandoffDescription": "Hand off when the customer asks for a person.",
}


def wait_until(is_done: Callable[[], Any], what: str, seconds: float = 120) -> Any:
    """Poll until the answer is truthy and return it; fail with `what` after a generous time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := is_done():
            return answer
        time.sleep(0.2)
    pytest.fail(f"still waiting for: {what}")


@dataclass
class Tenant:
    """One user of the intake API."""

    http: httpx.Client

    def create(self, documents: dict[str, bytes], **fields: str) -> dict[str, Any]:
        """Submit an agent."""
        files = [("files", (name, content)) for name, content in documents.items()]
        answer = self.http.post("/api/agents", data={**FIELDS, **fields}, files=files)
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def get(self, agent_id: str) -> dict[str, Any]:
        """Read an agent."""
        body: dict[str, Any] = self.http.get(f"/api/agents/{agent_id}").json()
        return body

    def wait_for(self, agent_id: str, status: str) -> dict[str, Any]:
        """Wait until the agent has this status."""
        return wait_until(
            lambda: (agent := self.get(agent_id))["status"] == status and agent,
            f"agent {agent_id} to become {status}",
        )

    def ask(self, agent_id: str, message: str) -> dict[str, Any]:
        """Chat."""
        answer = self.http.post(f"/api/agents/{agent_id}/chat", json={"message": message})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body


@dataclass
class RunningStack:
    """The stack under test."""

    settings: StackSettings
    environment: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m local.stack ...`."""
        return subprocess.run(
            [sys.executable, "-m", "local.stack", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
        )

    def tenant(self, name: str) -> Tenant:
        """A client of the intake API."""
        token = make_token(name, load_secrets(self.settings.var).jwt_secret)
        headers = {"Authorization": f"Bearer {token}"}
        return Tenant(httpx.Client(base_url=self.settings.api_url, headers=headers, timeout=60))

    def aws(self, service: str) -> Any:
        """A client of the stand-in."""
        return boto3.client(
            service,
            endpoint_url=self.settings.aws_url,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    def airflow(self) -> httpx.Client:
        """A client of Airflow's REST API."""
        return open_airflow(self.settings)

    def set_delay(self, model: str, seconds: float) -> None:
        """Make the stand-in's resources of one kind take this long."""
        progression = {"progression": "time", "seconds": seconds}
        if seconds == 0:
            progression = {"progression": "immediate"}
        answer = httpx.post(
            f"{self.settings.aws_url}/moto-api/state-manager/set-transition",
            json={"model_name": model, "transition": progression},
        )
        answer.raise_for_status()


@contextmanager
def run_stack(var: Path, **variables: str) -> Iterator[RunningStack]:
    """A healthy stack; stopped at the end, its logs shown if it does not start.

    `variables` are environment variables of its processes.
    """
    ports = dict(zip(PORTS, map(str, find_free_ports(len(PORTS))), strict=True))
    own = {
        "STACK_VAR": str(var),
        **ports,
        "STAND_IN_DELAYS": "off",
        "WAIT_INLINE_SECONDS": "1",
        "RECONCILE_SECONDS": "10",
        # All tests share this account; together they make more agents than AWS's quota of 100.
        "KNOWLEDGE_BASE_QUOTA": "1000",
        "STAND_IN_QUOTA_KNOWLEDGE_BASES": "1000",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")]),
        **variables,
    }
    settings = StackSettings(**{name: own[name] for name in (*PORTS, "STACK_VAR")})
    running = RunningStack(settings, {**os.environ, **own})
    started = running.run("up")
    try:
        assert started.returncode == 0, started.stdout + started.stderr
        yield running
    finally:
        running.run("down")


@pytest.fixture(scope="session")
def stack() -> Iterator[RunningStack]:
    """One stack for all tests of this folder.

    Not below pytest's own folder, which every run of pytest closes to all but its user: PostgreSQL
    runs as another one.
    """
    with TemporaryDirectory(prefix="stack-") as folder, run_stack(Path(folder)) as running:
        yield running
