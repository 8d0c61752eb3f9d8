"""`python -m benchmarks.waiting`: what many agents cost that wait for AWS, and how fast they wake.

A stack of its own, whose stand-in leaves every knowledge base in CREATING until all agents wait;
then all of them become ready in the same moment.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from benchmarks.creation import set_transition
from benchmarks.own_stack import own_stack, read_cpu_seconds
from benchmarks.uploads import FORM
from local.health import open_airflow
from local.secrets import load_secrets
from local.settings import StackSettings
from local.tokens import make_token

KNOWLEDGE_BASE = "bedrock-agent::knowledge_base"
TASK = "ensure_knowledge_base"
LAST_BESIDE_IT = "wait_for_code"  # of the steps that wait for nothing
DOCUMENTS = [("files", ("hours.md", b"The shop opens at nine."))]
PER_TENANT = 100
SENDERS = 4
OBSERVED_SECONDS = 60
LIMIT_SECONDS = 1_800


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=1_000)
    count = parser.parse_args().agents
    with own_stack(KNOWLEDGE_BASE_STORE="managed") as stack:
        set_transition(stack, KNOWLEDGE_BASE, {"progression": "time", "seconds": LIMIT_SECONDS})
        started_at = time.perf_counter()
        submit_all(stack, count)
        wait_for_count(stack, "deferred", count)
        wait_for_count(stack, "success", count, LAST_BESIDE_IT)
        print(f"{count} agents wait after {time.perf_counter() - started_at:.0f} s")
        observe(stack)
        set_transition(stack, KNOWLEDGE_BASE, {"progression": "immediate"})
        released_at = time.perf_counter()
        wait_for_count(stack, "deferred", 0)
        print(f"the last one is awake after {time.perf_counter() - released_at:.1f} s")
        wait_for_count(stack, "success", count)
        print(f"the last one has gone on after {time.perf_counter() - released_at:.1f} s")


def submit_all(stack: StackSettings, count: int) -> None:
    """Submit agents, for as many tenants as their quota asks for."""
    with ThreadPoolExecutor(SENDERS) as executor:
        list(executor.map(lambda number: submit(stack, number), range(count)))


def submit(stack: StackSettings, number: int) -> None:
    """One agent with one small document."""
    tenant = f"tenant-{number // PER_TENANT}"
    token = make_token(tenant, load_secrets(stack.var).jwt_secret)
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.post(
        f"{stack.api_url}/api/agents", headers=headers, data=FORM, files=DOCUMENTS, timeout=120
    )
    answer.raise_for_status()


def observe(stack: StackSettings) -> None:
    """Print what waiting costs: worker slots held, and cores by program."""
    before, slots = read_cpu_seconds(stack), 0
    for _ in range(OBSERVED_SECONDS):
        slots = max(slots, count_tasks(stack, "queued") + count_tasks(stack, "running"))
        time.sleep(1)
    after = read_cpu_seconds(stack)
    cores = {name: (after[name] - before[name]) / OBSERVED_SECONDS for name in after}
    print(f"worker slots held: {slots}; cores used: {sum(cores.values()):.2f}")
    print("  " + ", ".join(f"{name} {used:.2f}" for name, used in cores.items() if used >= 0.01))


def wait_for_count(stack: StackSettings, state: str, count: int, task_id: str = TASK) -> None:
    """Wait until so many tasks of this name are in a state."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while count_tasks(stack, state, task_id) != count:
        if time.monotonic() > deadline:
            raise SystemExit(f"{count_tasks(stack, state, task_id)} of {count} are {state}")
        time.sleep(1)


def count_tasks(stack: StackSettings, state: str, task_id: str | None = None) -> int:
    """How many tasks of all runs are in a state."""
    path = "/api/v2/dags/create_agent/dagRuns/~/taskInstances"
    query = {"state": state, "limit": 1} | ({"task_id": task_id} if task_id else {})
    with open_airflow(stack) as airflow:
        return int(airflow.get(path, params=query, timeout=60).json()["total_entries"])


if __name__ == "__main__":
    main()
