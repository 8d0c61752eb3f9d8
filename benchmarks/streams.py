"""`python -m benchmarks.streams`: answers through the gateway beside direct calls to the runtime.

The runtime is a process that says at what time it sent each word (benchmarks/paced_runtime.py);
DynamoDB is the stand-in's, another process. First single answers, by turns direct and through the
gateway; then many at a time, round after round, with the gateway's memory after each.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import aiohttp
import psutil

from benchmarks.own_stack import find_free_ports
from benchmarks.uploads import build_environment, serve_stand_in, wait_for
from include import records
from include.keys import Scope, create_key
from include.models import Agent, AgentStatus, AgentType, KnowledgeBase
from local.settings import ROOT

MIB = 1024 * 1024
SINGLES = 200  # of each kind
SINGLE = "5 0.02"
STREAMS = int(os.environ.get("STREAMS", "200"))
ROUNDS = 6
LONG = "100 0.1"
WORDS = 100
ARN = "arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/oratio_paced-0123456789"


@dataclass
class Heard:
    """One answer as its client heard it."""

    first_ms: float  # from the request to the first word
    lags_ms: list[float]  # of each word, from its sending to its arrival
    is_whole: bool


@dataclass
class Place:
    """An address that streams answers, and how it is asked."""

    url: str
    headers: dict[str, str]
    field: str

    async def ask(self, http: aiohttp.ClientSession, prompt: str) -> Heard:
        """One answer."""
        body = {self.field: prompt, "stream": True}
        started_at = time.monotonic_ns()
        first_at, lags, is_whole = 0, [], False
        async with http.post(self.url, json=body, headers=self.headers) as answer:
            answer.raise_for_status()
            async for line in answer.content:
                if not line.startswith(b"data: "):
                    continue
                now, event = time.monotonic_ns(), json.loads(line[6:])
                if "answer" in event:
                    is_whole = True
                elif "text" in event:
                    first_at = first_at or now
                    lags.append((now - int(event["text"])) / 1e6)
        return Heard((first_at - started_at) / 1e6, lags, is_whole)


@contextmanager
def serve(environment: dict[str, str], url: str, *command: str) -> Iterator[psutil.Process]:
    """A process that answers at this address."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command], env=environment, cwd=ROOT, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(url)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def store_agent() -> Agent:
    """An active agent, which answers from the paced runtime."""
    agent = Agent(
        user_id="benchmark",
        agent_id=str(uuid4()),
        agent_name="Paced",
        agent_type=AgentType.TEXT,
        sop="Say what time it is.",
        knowledge_base_id=str(uuid4()),
        knowledge_base_description="None.",
        human_handoff_description="Never.",
        status=AgentStatus.ACTIVE,
        agentcore_agent_arn=ARN,
    )
    base = KnowledgeBase(
        knowledge_base_id=agent.knowledge_base_id,
        user_id=agent.user_id,
        agent_id=agent.agent_id,
        s3_path="s3://none/",
    )
    records.create_agent(agent, base)
    return agent


async def measure_singles(places: dict[str, Place]) -> None:
    """Single answers, one kind after the other, and what they took."""
    heard: dict[str, list[Heard]] = {name: [] for name in places}
    async with aiohttp.ClientSession() as http:
        for number in range(SINGLES + 10):
            for name, place in places.items():
                each = await place.ask(http, SINGLE)
                if number >= 10:  # after the warm-up
                    heard[name].append(each)
    print("| single answers | first word relayed, ms: p50 | p95 | request to first word, ms: p50 |")
    print("|---|---|---|---|")
    for name, answers in heard.items():
        relayed = [each.lags_ms[0] for each in answers]
        first = statistics.median(each.first_ms for each in answers)
        p50, p95 = statistics.median(relayed), statistics.quantiles(relayed, n=20)[-1]
        print(f"| {name} | {p50:.2f} | {p95:.2f} | {first:.1f} |")


async def measure_many(place: Place, gateway: psutil.Process) -> None:
    """Many answers at a time."""
    print(f"\n| round of {STREAMS} | whole | words relayed, ms: p50 | p95 | gateway's memory, MB |")
    print("|---|---|---|---|---|")
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        for number in range(1, ROUNDS + 1):
            heard = await asyncio.gather(*(place.ask(http, LONG) for _ in range(STREAMS)))
            whole = sum(each.is_whole and len(each.lags_ms) == WORDS for each in heard)
            lags = [lag for each in heard for lag in each.lags_ms]
            p50, p95 = statistics.median(lags), statistics.quantiles(lags, n=20)[-1]
            memory = gateway.memory_info().rss / MIB
            print(f"| {number} | {whole} | {p50:.1f} | {p95:.1f} | {memory:.1f} |", flush=True)


def main() -> None:
    """Measure and print."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment = build_environment(folder)
        runtime_port, gateway_port = find_free_ports(2)
        runtime_url = f"http://127.0.0.1:{runtime_port}"
        gateway_url = f"http://127.0.0.1:{gateway_port}"
        environment |= {
            "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": runtime_url,
            "RATE_LIMIT_KEY": "1000000/minute",
        }
        stack.enter_context(serve_stand_in(environment))
        os.environ.update(environment)
        runtime = ["uvicorn", "--port", str(runtime_port), "benchmarks.paced_runtime:app"]
        stack.enter_context(serve(environment, runtime_url, *runtime, "--no-access-log"))
        serving = ["gateway.serving", "--port", str(gateway_port)]
        gateway = stack.enter_context(serve(environment, f"{gateway_url}/health", *serving))
        agent = store_agent()
        _, token = create_key(agent, "benchmark", [Scope.CHAT])
        bearer = {"Authorization": f"Bearer {token}"}
        through = Place(f"{gateway_url}/agents/{agent.agent_id}/chat", bearer, "message")
        direct = Place(f"{runtime_url}/runtimes/{ARN}/invocations", {}, "prompt")
        asyncio.run(measure_singles({"direct": direct, "gateway": through}))
        asyncio.run(measure_many(through, gateway))


if __name__ == "__main__":
    main()
