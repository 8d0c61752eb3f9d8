"""Agents submitted together, watched until all are final, and counted in the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from tests.steering import Steering
from tests.system.conftest import FIELDS, RunningStack, Tenant

DOCUMENT = {"hours.md": b"# Hours\n\nThe shop opens at nine and closes at six on weekdays."}
FINAL = ("active", "failed")
# A job may be started again when the one before it failed; nothing else may exist twice.
REPEATABLE = {"ingestion_job"}


@dataclass
class Crowd:
    """Agents of one tenant."""

    stack: RunningStack
    tenant: Tenant
    agent_ids: list[str]

    @classmethod
    def submit(
        cls, stack: RunningStack, count: int, documents: dict[str, bytes] = DOCUMENT
    ) -> Crowd:
        """Submit them as a careful client does: the same key until the answer is 201."""
        tenant = stack.tenant(f"crowd-{uuid4().hex[:8]}")
        with ThreadPoolExecutor(min(count, 8)) as executor:
            ids = list(executor.map(lambda _: submit_once(tenant, documents), range(count)))
        return cls(stack, tenant, ids)

    def read(self) -> list[dict[str, Any]]:
        """Every agent as its tenant sees it."""
        return [read_agent(self.tenant, agent_id) for agent_id in self.agent_ids]

    def wait_until(self, is_done: Callable[[dict[str, Any]], Any], seconds: float) -> list[str]:
        """Wait for every agent; returns the ids of those that are not done in time."""
        deadline, left = time.monotonic() + seconds, list(self.agent_ids)
        while left and time.monotonic() < deadline:
            left = [each for each in left if not is_done(read_agent(self.tenant, each))]
            time.sleep(0.5)
        return left

    def wait_until_final(self, seconds: float = 600) -> list[dict[str, Any]]:
        """Wait for all; every agent must be active or failed by then."""
        stuck = self.wait_until(is_final, seconds)
        assert not stuck, [describe(read_agent(self.tenant, each)) for each in stuck]
        return self.read()

    def find_duplicates(self) -> dict[str, dict[str, int]]:
        """agent id -> kind -> how many of it live, where that is more than one."""
        counts = Steering(self.stack.settings.aws_url).ledger()["agents"]
        found = {}
        for agent_id in self.agent_ids:
            kinds = counts.get(agent_id, {}).items()
            twice = {k: n["live"] for k, n in kinds if n["live"] > 1 and k not in REPEATABLE}
            if twice:
                found[agent_id] = twice
        return found


def submit_once(tenant: Tenant, documents: dict[str, bytes]) -> str:
    """Submit an agent; the same key never makes two."""
    headers = {"Idempotency-Key": str(uuid4())}
    files = [("files", (name, content)) for name, content in documents.items()]
    for _ in range(20):
        try:
            answer = tenant.http.post("/api/agents", data=FIELDS, files=files, headers=headers)
        except httpx.TransportError:
            continue
        if answer.status_code == 201:
            return str(answer.json()["agentId"])
        assert answer.status_code in (409, 429) or answer.status_code >= 500, answer.text
        time.sleep(0.5)
    raise AssertionError(f"not accepted: {answer.status_code} {answer.text}")


def read_agent(tenant: Tenant, agent_id: str) -> dict[str, Any]:
    """Read an agent, again if the intake met a fault."""
    while True:
        try:
            answer = tenant.http.get(f"/api/agents/{agent_id}")
        except httpx.TransportError:
            time.sleep(0.5)
            continue
        if answer.status_code == 200:
            body: dict[str, Any] = answer.json()
            return body
        assert answer.status_code >= 500 or answer.status_code == 429, answer.text
        time.sleep(0.5)


def is_final(agent: dict[str, Any]) -> bool:
    """Whether the agent's creation has ended, and its last step with it."""
    at_work = any(step["status"] == "running" for step in agent["steps"].values())
    return agent["status"] == "failed" or (agent["status"] == "active" and not at_work)


def describe(agent: dict[str, Any]) -> str:
    """Where an agent stands, in one line."""
    steps = {name: step["status"] for name, step in agent["steps"].items()}
    return f"{agent['agentId']} {agent['status']} {agent['failure']} {steps}"
