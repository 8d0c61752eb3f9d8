"""Measures what it costs to generate and try code: `python -m benchmarks.trial`.

Generates the code of samples/ by rules, checks it, and tries it against the stand-in, each time in
a new process as Airflow does. Prints CPU seconds of every process that has a part in it.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from include.creator.request import GenerationRequest
from include.models import AgentType

ROOT = Path(__file__).parents[1]
READY_SECONDS = 60.0


def main() -> None:
    """Start the stand-in and the sandbox, try the sample agent some times, print the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=10)
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as folder:
        port = find_port()
        environment = build_environment(folder, port)
        python = [sys.executable, "-m"]
        programs = {
            "stand-in": [*python, "local.aws.server", "--port", f"{port}"],
            "sandbox": [*python, "include.creator.sandbox.server"],
        }
        started = {name: start(command, environment) for name, command in programs.items()}
        try:
            wait_until_ready(port, environment["SANDBOX_SOCKET"])
            os.environ.update(environment)
            measure({name: psutil.Process(p.pid) for name, p in started.items()}, times)
        finally:
            for process in started.values():
                process.terminate()
                process.wait()


def start(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a program whose log of requests nobody wants to read."""
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)


def find_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def build_environment(folder: str, port: int) -> dict[str, str]:
    """The stand-in's address, credentials for it, and where the sandbox listens."""
    return {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "SANDBOX_SOCKET": f"{folder}/sandbox.sock",
        "STAND_IN_DATA_DIR": f"{folder}/aws",
    }


def wait_until_ready(port: int, sandbox_socket: str) -> None:
    """Wait until both answer."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as stand_in, socket.socket(socket.AF_UNIX) as sandbox:
            try:
                stand_in.connect(("127.0.0.1", port))
                sandbox.connect(sandbox_socket)
                return
            except OSError:
                time.sleep(0.1)
    raise SystemExit("The stand-in or the sandbox did not start.")


def measure(programs: dict[str, psutil.Process], times: int) -> None:
    """Try once to warm up, then print the means of the others."""
    try_in_child(show=True)
    before = {name: count_cpu_seconds(process) for name, process in programs.items()}
    caller = [try_in_child() for _ in range(times)]
    print(f"{'process':12}CPU s each")
    print(f"{'caller':12}{sum(caller) / times:.3f}")
    total = sum(caller)
    for name, process in programs.items():
        used = count_cpu_seconds(process) - before[name]
        total += used
        print(f"{name:12}{used / times:.3f}")
    print(f"{'all':12}{total / times:.3f}")


def count_cpu_seconds(process: psutil.Process) -> float:
    """CPU of a process and its ended children."""
    used = process.cpu_times()
    return float(used.user + used.system + used.children_user + used.children_system)


def try_in_child(show: bool = False) -> float:
    """Generate and try in a forked process; returns its CPU.

    As under Airflow, the parent has imported the modules and built the client.
    """
    import include.creator.publish  # noqa: F401
    from include.aws import client

    client("bedrock-runtime")
    child = os.fork()
    if child == 0:
        try:
            try_sample(show)
        finally:
            os._exit(0)
    _, _, usage = os.wait4(child, 0)
    return usage.ru_utime + usage.ru_stime


def try_sample(show: bool) -> None:
    """Generate, check and try the agent of samples/."""
    from include.creator.generate import generate
    from include.creator.trial.run import try_code
    from include.creator.trial.samples import Sample, cut_passages

    request = build_request()
    code = generate(request)
    folder = ROOT / "samples" / "documents"
    samples = [
        Sample(str(path.relative_to(folder)), passage)
        for path in sorted(folder.rglob("*.md"))
        for passage in cut_passages(path.read_text())
    ]
    report = try_code(code.files, request, code.spec, samples)
    if show:
        print(f"{len(report.scenarios)} scenarios, {report.model_calls} model calls,", end=" ")
        print(f"score {report.score:.2f}", *(f"\nfailed: {r}" for r in report.failed), flush=True)


def build_request() -> GenerationRequest:
    """The request of the sample agent."""
    return GenerationRequest(
        agent_id="a1",
        agent_name="Fernhill Cycles desk",
        agent_type=AgentType.TEXT,
        sop=(ROOT / "samples" / "sop.md").read_text(),
        knowledge_base_description="Policies, products and workshop prices of Fernhill Cycles.",
        human_handoff_description="Hand over when somebody was hurt.",
        document_prefix="s3://oratio-knowledge-bases/alice/a1/",
    )


if __name__ == "__main__":
    main()
