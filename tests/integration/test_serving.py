"""The intake as it is served: gunicorn with api/serving.py, its logs, metrics and refusals."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import ROOT

COMMAND = [sys.executable, "-m", "gunicorn", "--config", "python:api.serving"]
OLD_COUNT = "counter_1.db"


def build_environment(folder: Path, **more: str) -> dict[str, str]:
    own = {"PYTHONPATH": str(ROOT), "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics")}
    return os.environ | own | more


@pytest.fixture(scope="module")
def served(tmp_path_factory, stand_in_url) -> Iterator[tuple[str, Path]]:
    """Address and log of two worker processes."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "metrics").mkdir()
    (folder / "metrics" / OLD_COUNT).write_bytes(b"of a former start")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [*COMMAND, "--bind", address, "api.app:create_app()"]
    log = folder / "log"
    with log.open("w") as stream:
        process = subprocess.Popen(command, env=build_environment(folder), stderr=stream, cwd=ROOT)
    wait_until_alive(f"http://{address}", process)
    yield f"http://{address}", log
    process.terminate()
    process.wait(20)


def wait_until_alive(url: str, process: subprocess.Popen) -> None:
    for _ in range(300):
        assert process.poll() is None, "gunicorn has ended"
        try:
            if httpx.get(f"{url}/livez").is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise TimeoutError(url)


def test_metrics_are_those_of_all_processes(served):
    url, _ = served
    for _ in range(40):  # each on a connection of its own: both workers get some
        assert httpx.get(f"{url}/nowhere").status_code == 404
    totals = set()
    for _ in range(10):
        lines = httpx.get(f"{url}/metrics").text.splitlines()
        wanted = [ln for ln in lines if "requests_total{" in ln and 'route="unmatched"' in ln]
        totals.add(sum(float(line.rpartition(" ")[2]) for line in wanted))
    assert totals == {40.0}


def test_every_line_of_the_log_is_json(served):
    url, log = served
    request_id = httpx.get(f"{url}/api/agents").headers["X-Request-Id"]
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {line["logger"] for line in lines} >= {"gunicorn.error", "api.request_log"}
    (line,) = [ln for ln in lines if ln.get("request_id") == request_id and "status" in ln]
    assert (line["route"], line["status"], line["level"]) == ("/api/agents", 401, "info")


def test_unsafe_settings_stop_it_at_once(tmp_path):
    environment = build_environment(tmp_path, PRODUCTION="true")
    command = [*COMMAND, "--bind", "127.0.0.1:0", "api.app:create_app()"]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, cwd=ROOT
    )
    assert done.returncode != 0
    assert "ConfigurationError" in done.stderr
