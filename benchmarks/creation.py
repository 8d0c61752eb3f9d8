"""`python -m benchmarks.creation`: where the time goes between a POST and an active agent.

Runs against the embedded stack (started if it is not), with the stand-in's delays off.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx

from local.aws.delays import SHARES, parse_transition
from local.demo import STEPS, open_api, poll, seconds_between, submit
from local.settings import StackSettings, get_stack_settings
from local.stack import up

RUNS = 5
WARM_UPS = 1
AT_ONCE = 20


@contextmanager
def delays_off(stack: StackSettings) -> Iterator[None]:
    """Take the stand-in's delays away for a while."""
    try:
        for model in SHARES:
            set_transition(stack, model, {"progression": "immediate"})
        yield
    finally:
        for model, share in SHARES.items():
            set_transition(stack, model, parse_transition(stack.stand_in_delays, share))


def set_transition(stack: StackSettings, model: str, transition: dict[str, Any]) -> None:
    """Set how one kind of resource changes its state."""
    url = f"{stack.aws_url}/moto-api/state-manager/set-transition"
    body = {"model_name": model, "transition": transition}
    httpx.post(url, json=body).raise_for_status()


def create_one(api: httpx.Client) -> dict[str, float]:
    """Create one agent; seconds of the POST, of each step and the pauses before, and in all."""
    started_at = time.perf_counter()
    agent = submit(api)
    seconds = {"POST": time.perf_counter() - started_at}
    agent = list(poll(api, agent["agentId"]))[-1]
    if agent["status"] != "active":
        raise SystemExit(f"agent {agent['agentId']} is {agent['status']}: {agent['failure']}")
    steps = agent["steps"]
    for name in STEPS:
        seconds[name] = seconds_between(steps[name]["startedAt"], steps[name]["endedAt"])
        seconds[f"start of {name}"] = seconds_between(agent["createdAt"], steps[name]["startedAt"])
    seconds["in all"] = seconds["POST"] + seconds_between(
        agent["createdAt"], steps["activate"]["endedAt"]
    )
    return seconds


def create_many(api: httpx.Client, count: int) -> float:
    """Create agents at once; seconds until the last one is active."""
    started_at = time.perf_counter()
    with ThreadPoolExecutor(count) as executor:
        agents = list(executor.map(lambda _: submit(api), range(count)))
    for agent in agents:
        if list(poll(api, agent["agentId"]))[-1]["status"] != "active":
            raise SystemExit(f"agent {agent['agentId']} did not become active")
    return time.perf_counter() - started_at


def print_table(runs: list[dict[str, float]]) -> None:
    """Medians, with the smallest and largest, as a Markdown table."""
    print("| step | starts after the POST, s | takes, s (median) | min | max |")
    print("|---|---|---|---|---|")
    for name in ("POST", *STEPS, "in all"):
        values = [run[name] for run in runs]
        starts = [run.get(f"start of {name}", 0.0) for run in runs]
        print(
            f"| {name} | {statistics.median(starts):.2f} | {statistics.median(values):.2f} "
            f"| {min(values):.2f} | {max(values):.2f} |"
        )


def main() -> None:
    """Measure and print."""
    stack = get_stack_settings()
    up(stack)
    with delays_off(stack), open_api(stack) as api:
        runs = [create_one(api) for _ in range(WARM_UPS + RUNS)][WARM_UPS:]
        print_table(runs)
        seconds = create_many(api, AT_ONCE)
    print(f"\n{AT_ONCE} at once: {seconds:.1f} s, {AT_ONCE * 60 / seconds:.0f} agents a minute")


if __name__ == "__main__":
    main()
