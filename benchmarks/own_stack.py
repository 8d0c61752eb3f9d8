"""An embedded stack of a benchmark's own: free ports, empty data folder, no delays."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psutil

from local.settings import ROOT, StackSettings
from local.supervisor import list_states

PORTS = ("AWS_PORT", "AIRFLOW_PORT", "API_PORT", "GATEWAY_PORT")


@contextmanager
def own_stack(*dag_files: Path, **variables: str) -> Iterator[StackSettings]:
    """Start a stack whose Airflow runs `dag_files` beside ours; stop and delete it at the end.

    `variables` are environment variables of its processes.
    """
    with tempfile.TemporaryDirectory(prefix="stack-") as folder:
        dags = Path(shutil.copytree(ROOT / "dags", Path(folder) / "dags"))
        for file in dag_files:
            shutil.copy(file, dags)
        own = dict(zip(PORTS, map(str, find_free_ports(len(PORTS))), strict=True))
        own |= {"STACK_VAR": f"{folder}/var", "STACK_DAGS": str(dags), "STAND_IN_DELAYS": "off"}
        python_path = os.pathsep.join([str(ROOT), str(ROOT / "plugins")])
        environment = os.environ | own | {"PYTHONPATH": python_path} | variables
        try:
            run_stack("up", environment)
            yield StackSettings(**own)  # type: ignore[arg-type]
        finally:
            run_stack("down", environment)


def run_stack(command: str, environment: dict[str, str]) -> None:
    """Run `python -m local.stack` without its messages."""
    stack = [sys.executable, "-m", "local.stack", command]
    subprocess.run(stack, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)


def find_free_ports(count: int) -> list[int]:
    """Ports nobody listens on."""
    with ExitStack() as sockets:
        opened = [sockets.enter_context(closing(socket.socket())) for _ in range(count)]
        for each in opened:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in opened]


def read_cpu_seconds(stack: StackSettings) -> dict[str, float]:
    """What each program has used so far, its ended children included."""
    states = list_states(stack)
    return {name: sum_tree(state["pid"]) for name, state in states.items() if state["pid"]}


def sum_tree(pid: int) -> float:
    """CPU seconds of a process, its living descendants, and the dead ones they have reaped."""
    root = psutil.Process(pid)
    seconds = 0.0
    for process in [root, *root.children(recursive=True)]:
        try:
            seconds += sum(process.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue  # its parent counts it now
    return seconds
