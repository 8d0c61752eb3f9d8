"""`python -m benchmarks.throughput`: many agents at once, beside the engine's floor and no engine.

One stack of its own, three loads in turn, `--rounds` times: our pipeline; an empty DAG of the same
shape; and a plain script that calls the same functions of include/ without Airflow.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.own_stack import own_stack, read_cpu_seconds
from local.demo import open_api, poll, submit
from local.environment import build_environment
from local.health import open_airflow
from local.settings import ROOT, StackSettings

EMPTY_DAG = Path(__file__).parent / "dags" / "empty_run.py"
ENGINE = frozenset({
    "airflow-api-server",
    "airflow-dag-processor",
    "airflow-scheduler",
    "airflow-triggerer",
    "postgres",
})  # fmt: skip
WARM_UP = 2
POLL_SECONDS = 0.1
ROOM = {"KNOWLEDGE_BASE_QUOTA": "1000", "STAND_IN_QUOTA_KNOWLEDGE_BASES": "1000"}  # for all rounds

Load = Callable[[StackSettings, int], None]


@dataclass(frozen=True)
class Cost:
    """What a load took: wall seconds in all; CPU seconds a run, of Airflow and of everything."""

    seconds: float
    engine_cpu: float
    all_cpu: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--at-once", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    costs: dict[str, list[Cost]] = {name: [] for name in LOADS}
    with own_stack(EMPTY_DAG, **ROOM) as stack:
        for load in LOADS.values():
            load(stack, WARM_UP)
        for _ in range(options.rounds):
            for name, load in LOADS.items():
                costs[name].append(measure(stack, load, options.at_once))
    print_table(costs, options.at_once)


def measure(stack: StackSettings, load: Load, count: int) -> Cost:
    """Run a load and add up what the stack's programs used meanwhile."""
    before = read_cpu_seconds(stack)
    started_at, own = time.perf_counter(), os.times()
    load(stack, count)
    seconds, ended = time.perf_counter() - started_at, os.times()
    script = ended.children_user + ended.children_system - own.children_user - own.children_system
    used = {name: cpu - before[name] for name, cpu in read_cpu_seconds(stack).items()}
    engine = sum(cpu for name, cpu in used.items() if name in ENGINE)
    return Cost(seconds, engine / count, (sum(used.values()) + script) / count)


def run_pipeline(stack: StackSettings, count: int) -> None:
    """Create agents at once; returns when the last one is active."""
    with open_api(stack) as api, ThreadPoolExecutor(count) as executor:
        for agent in list(executor.map(lambda _: submit(api), range(count))):
            final = list(poll(api, agent["agentId"], POLL_SECONDS))[-1]
            if final["status"] != "active":
                raise SystemExit(f"agent {agent['agentId']} failed: {final['failure']}")


def run_empty_dag(stack: StackSettings, count: int) -> None:
    """Start empty runs at once; returns when the last one has ended."""
    airflow, path = open_airflow(stack), "/api/v2/dags/empty_run/dagRuns"
    for number in range(count):
        run = {"logical_date": None, "conf": {"number": number}}
        airflow.post(path, json=run).raise_for_status()
    while airflow.get(path, params={"state": ["queued", "running"]}).json()["total_entries"]:
        time.sleep(POLL_SECONDS)


def run_script(stack: StackSettings, count: int) -> None:
    """Create agents with a plain script; returns when the last one is active."""
    command = [sys.executable, "-m", "benchmarks.plain_script", str(count)]
    subprocess.run(command, cwd=ROOT, env=build_environment(stack) | ROOM, check=True)


LOADS: dict[str, Load] = {
    "create_agent": run_pipeline,
    "empty DAG of the same shape": run_empty_dag,
    "plain script, no Airflow": run_script,
}


def print_table(costs: dict[str, list[Cost]], count: int) -> None:
    """Medians, with the wall time of each round, as a Markdown table."""
    print(f"| {count} at once | s | agents a minute | CPU s a run, Airflow | CPU s a run, all |")
    print("|---|---|---|---|---|")
    for name, rounds in costs.items():
        seconds = statistics.median(cost.seconds for cost in rounds)
        each = ", ".join(f"{cost.seconds:.1f}" for cost in rounds)
        engine = statistics.median(cost.engine_cpu for cost in rounds)
        everything = statistics.median(cost.all_cpu for cost in rounds)
        print(
            f"| {name} | {seconds:.1f} ({each}) | {count * 60 / seconds:.0f} "
            f"| {engine:.2f} | {everything:.2f} |"
        )


if __name__ == "__main__":
    main()
