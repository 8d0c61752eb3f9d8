"""`python -m benchmarks.updates`: chats while a new version rolls out and is rolled back.

Runs against the embedded stack (started if it is not), with the stand-in's usual delays.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from local.demo import open_api, poll, read, submit
from local.settings import get_stack_settings
from local.stack import up

CHATS_PER_MINUTE = 200
SECONDS = 75.0
ROUNDS = 3
RUN_SECONDS = 180.0
POLL_SECONDS = 0.2
THREADS = 16
QUESTION = "How many days do I have to return a bicycle?"


@dataclass
class Load:
    """Chats sent at a fixed rate, whether or not the ones before are answered."""

    api: httpx.Client
    agent_id: str
    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def chat(self) -> None:
        """Ask once; anything but an answer that cites a document is a failure."""
        started_at = time.perf_counter()
        try:
            path = f"/api/agents/{self.agent_id}/chat"
            answer = self.api.post(path, json={"message": QUESTION})
            if not (answer.is_success and answer.json()["citations"]):
                self.failures.append(f"HTTP {answer.status_code}: {answer.text[:300]}")
        except httpx.HTTPError as error:
            self.failures.append(repr(error))
        self.seconds.append(time.perf_counter() - started_at)

    @contextmanager
    def running(self, per_minute: int = CHATS_PER_MINUTE) -> Iterator[None]:
        """Keep chatting inside the block; at its end the last chats are waited for."""
        is_over = threading.Event()
        with ThreadPoolExecutor(THREADS) as executor:

            def send() -> None:
                next_at = time.monotonic()
                while not is_over.wait(max(0.0, next_at - time.monotonic())):
                    executor.submit(self.chat)
                    next_at += 60 / per_minute

            sender = threading.Thread(target=send)
            sender.start()
            try:
                yield
            finally:
                is_over.set()
                sender.join()


def run_verb(api: httpx.Client, agent_id: str, verb: str) -> float:
    """Start an update or a rollback and wait for its end; seconds from request to end."""
    started_at = time.perf_counter()
    agent = read(api.post(f"/api/agents/{agent_id}:{verb}"))
    while agent["runningPipeline"]:
        if time.perf_counter() - started_at > RUN_SECONDS:
            raise SystemExit(f"{verb} does not end: {agent['steps']}")
        time.sleep(POLL_SECONDS)
        agent = read(api.get(f"/api/agents/{agent_id}"))
    if agent["updateFailure"]:
        raise SystemExit(f"{verb} failed: {agent['updateFailure']}")
    return time.perf_counter() - started_at


def change_sop(api: httpx.Client, agent_id: str, number: int) -> None:
    """Store an SOP that differs."""
    sop = read(api.get(f"/api/agents/{agent_id}"))["sop"]
    body = {"sop": f"{sop}\n- Keep rule {number} in mind.\n"}
    read(api.patch(f"/api/agents/{agent_id}", json=body))


def roll_out_and_back(api: httpx.Client, agent_id: str, rounds: int) -> dict[str, list[float]]:
    """Update and roll back, again and again; the seconds each took."""
    seconds: dict[str, list[float]] = {"update": [], "rollback": []}
    for number in range(rounds):
        change_sop(api, agent_id, number)
        seconds["update"].append(run_verb(api, agent_id, "update"))
        seconds["rollback"].append(run_verb(api, agent_id, "rollback"))
    return seconds


def measure(
    api: httpx.Client, agent_id: str, rounds: int, least_seconds: float
) -> tuple[Load, dict[str, list[float]]]:
    """Chat while versions change, at least for so long."""
    load = Load(api, agent_id)
    ends_at = time.monotonic() + least_seconds
    with load.running():
        seconds = roll_out_and_back(api, agent_id, rounds)
        time.sleep(max(0.0, ends_at - time.monotonic()))
    return load, seconds


def create(api: httpx.Client) -> dict[str, Any]:
    """An active agent of the samples."""
    agent = list(poll(api, submit(api)["agentId"]))[-1]
    if agent["status"] != "active":
        raise SystemExit(f"agent {agent['agentId']} is {agent['status']}: {agent['failure']}")
    return agent


def main() -> None:
    """Measure and print."""
    stack = get_stack_settings()
    up(stack)
    with open_api(stack) as api:
        load, seconds = measure(api, create(api)["agentId"], ROUNDS, SECONDS)
    print("| run | seconds (median) | min | max |")
    print("|---|---|---|---|")
    for verb, values in seconds.items():
        median = statistics.median(values)
        print(f"| {verb} | {median:.1f} | {min(values):.1f} | {max(values):.1f} |")
    p95 = statistics.quantiles(load.seconds, n=20)[-1]
    print(
        f"\n{len(load.seconds)} chats meanwhile, {CHATS_PER_MINUTE} a minute: "
        f"{len(load.failures)} failed; {statistics.median(load.seconds):.2f} s (median), "
        f"{p95:.2f} s (p95)"
    )
    if load.failures:
        raise SystemExit(load.failures[0])


if __name__ == "__main__":
    main()
