"""`python -m benchmarks.intake`: POST with three small documents beside what it cannot do without.

One gunicorn process serves both: the intake, and the floor, a handler that reads the same body and
makes the same calls to S3 and DynamoDB (recorded from a real POST), and nothing else. Their batches
take turns, so that what else the machine does hits both. Airflow is not there.
"""

from __future__ import annotations

import copy
import itertools
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from botocore import xform_name
from flask import Flask, request

from api.app import create_app
from benchmarks.uploads import FORM, build_environment, serve_stand_in, wait_for
from include.aws import client
from local.settings import ROOT
from local.tokens import make_token

REQUESTS = 300
BATCH = 30
WARM_UP = 16
CONCURRENCIES = (1, 8)
THREADS = 8  # as the intake itself has for the documents of one request
FILES = [("files", (f"rules/{n}.md", b"# Rule\n\nAsk for the receipt.\n" * 40)) for n in range(3)]
SERVICES = ("s3", "dynamodb")

# service, operation, arguments
Call = tuple[str, str, dict[str, Any]]


def create_app_with_floor() -> Flask:
    """The intake with two routes more: `/recorded` is a POST whose calls `/floor` repeats."""
    app = create_app()
    calls: list[Call] = []

    @app.post("/recorded")
    def record() -> tuple[dict[str, Any], int]:
        with recording(calls):
            answer: tuple[dict[str, Any], int] = app.view_functions["agents.create_agent"]()
        return answer

    @app.post("/floor")
    def repeat() -> tuple[str, int]:
        request.get_data(cache=False, parse_form_data=False)
        repeat_calls(calls)
        return "", 201

    return app


@contextmanager
def recording(calls: list[Call]) -> Iterator[None]:
    """Gather the calls of this process to AWS."""

    def gather(params: dict[str, Any], model: Any, **_: Any) -> None:
        service = model.service_model.service_name
        calls.append((service, xform_name(model.name), copy.deepcopy(params)))

    for service in SERVICES:
        client(service).meta.events.register("provide-client-params", gather, unique_id="gather")
    try:
        yield
    finally:
        for service in SERVICES:
            client(service).meta.events.unregister("provide-client-params", unique_id="gather")


def repeat_calls(calls: list[Call]) -> None:
    """The calls for another agent of another tenant; what the intake does at once is at once."""
    (transaction,) = [call[2] for call in calls if call[1] == "transact_write_items"]
    agent = transaction["TransactItems"][0]["Put"]["Item"]
    fresh = {agent[name]["S"]: str(uuid4()) for name in ("userId", "agentId", "knowledgeBaseId")}
    with ThreadPoolExecutor(THREADS) as executor:
        for _, group in itertools.groupby(calls, key=lambda call: call[:2]):
            list(executor.map(lambda call: make_call(call, fresh), group))


def make_call(call: Call, fresh: dict[str, str]) -> None:
    """One call with fresh ids."""
    service, operation, arguments = call
    getattr(client(service), operation)(**replace_ids(arguments, fresh))


def replace_ids(value: Any, fresh: dict[str, str]) -> Any:
    """The same arguments with other ids in all texts."""
    if isinstance(value, dict):
        return {name: replace_ids(v, fresh) for name, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [replace_ids(v, fresh) for v in value]
    if isinstance(value, str):
        for old, new in fresh.items():
            value = value.replace(old, new)
    return value


@contextmanager
def serve(environment: dict[str, str]) -> Iterator[str]:
    """One gunicorn process with both, as many threads as `make up` gives it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        command = [sys.executable, "-m", "gunicorn", "--bind", f"fd://{listener.fileno()}"]
        command += ["--workers", "1", "--threads", "16", "--worker-class", "gthread"]
        command += ["--log-level", "error", "benchmarks.intake:create_app_with_floor()"]
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=ROOT,
            pass_fds=[listener.fileno()],
            stderr=subprocess.DEVNULL,  # each agent's dispatch stays pending, and says so
        )
        try:
            wait_for(f"{url}/health")
            yield url
        finally:
            process.terminate()
            process.wait()


def post(http: httpx.Client, path: str, secret: str) -> float:
    """One submission of a tenant of its own; seconds until it is answered."""
    token = make_token(uuid4().hex, secret)
    prepared = http.build_request(
        "POST", path, data=FORM, files=FILES, headers={"Authorization": f"Bearer {token}"}
    )
    started_at = time.perf_counter()
    answer = http.send(prepared)
    seconds = time.perf_counter() - started_at
    if answer.status_code != 201:
        raise SystemExit(f"{path}: {answer.status_code} {answer.text}")
    return seconds


def measure(http: httpx.Client, path: str, secret: str, at_once: int, count: int) -> list[float]:
    """Seconds of `count` submissions, then of all of them together."""
    started_at = time.perf_counter()
    with ThreadPoolExecutor(at_once) as executor:
        each = list(executor.map(lambda _: post(http, path, secret), range(count)))
    return [*each, time.perf_counter() - started_at]


def print_row(name: str, at_once: int, batches: list[list[float]]) -> float:
    """One row of the table; returns the median in milliseconds."""
    each = [seconds * 1000 for batch in batches for seconds in batch[:-1]]
    rate = len(each) / sum(batch[-1] for batch in batches)
    p50, p95 = statistics.median(each), statistics.quantiles(each, n=20)[-1]
    print(f"| {name} | {at_once} | {p50:.1f} | {p95:.1f} | {rate:.1f} |")
    return p50


def main() -> None:
    """Measure and print."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment = build_environment(folder) | {"RATE_LIMIT_ADDRESS": "1000000/minute"}
        secret = environment["JWT_SECRET"]
        stack.enter_context(serve_stand_in(environment))
        url = stack.enter_context(serve(environment))
        http = stack.enter_context(httpx.Client(base_url=url, timeout=60))
        post(http, "/recorded", secret)
        paths = {"intake": "/api/agents", "floor": "/floor"}
        for path in paths.values():
            measure(http, path, secret, max(CONCURRENCIES), WARM_UP)
        print("| handler | at once | p50, ms | p95, ms | requests a second |")
        print("|---|---|---|---|---|")
        for at_once in CONCURRENCIES:
            batches: dict[str, list[list[float]]] = {name: [] for name in paths}
            for _ in range(REQUESTS // BATCH):
                for name, path in paths.items():
                    batches[name].append(measure(http, path, secret, at_once, BATCH))
            intake, floor = (print_row(name, at_once, batches[name]) for name in paths)
            print(f"ratio of the medians at {at_once}: {intake / floor:.2f}", file=sys.stderr)


if __name__ == "__main__":
    main()
