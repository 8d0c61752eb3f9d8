"""The supervisor process (supervisord): starting it, asking it, stopping it."""

from __future__ import annotations

import subprocess
import sys
import time
import xmlrpc.client
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from supervisor.xmlrpc import SupervisorTransport

from local.environment import build_environment
from local.programs import build_configuration, list_programs
from local.settings import ROOT, StackSettings

SHUTDOWN_SECONDS = 60.0
END_SECONDS = 5.0


def build_start_command(stack: StackSettings) -> list[str]:
    """The command that starts supervisord as a daemon."""
    configuration = str(stack.var / "supervisord.conf")
    return [sys.executable, "-m", "supervisor.supervisord", "-c", configuration]


def start_supervisor(stack: StackSettings) -> None:
    """Start supervisord and with it the foundation programs; a running one is kept."""
    for folder in (stack.var / "log", stack.var / "run", stack.var / "airflow", stack.sockets):
        folder.mkdir(parents=True, exist_ok=True)
    if is_running(stack):
        return
    stack.supervisor_socket.unlink(missing_ok=True)
    (stack.var / "supervisord.conf").write_text(build_configuration(stack))
    subprocess.run(build_start_command(stack), cwd=ROOT, env=build_environment(stack), check=True)


def connect(stack: StackSettings) -> Any:
    """supervisord's XML-RPC interface over its UNIX socket."""
    transport = SupervisorTransport(None, None, f"unix://{stack.supervisor_socket}")
    return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor


def is_running(stack: StackSettings) -> bool:
    """Whether a supervisor answers."""
    try:
        connect(stack).getState()
    except (OSError, xmlrpc.client.Error):
        return False
    return True


def list_states(stack: StackSettings) -> dict[str, dict[str, Any]]:
    """supervisord's view of each program, by name (`statename`, `pid`, `description`)."""
    return {state["name"]: state for state in connect(stack).getAllProcessInfo()}


def start_programs(stack: StackSettings) -> None:
    """Start every program that is not running."""
    states = list_states(stack)
    for program in list_programs(stack):
        if states[program.name]["statename"] not in ("RUNNING", "STARTING", "BACKOFF"):
            connect(stack).startProcess(program.name, False)


def stop_supervisor(stack: StackSettings) -> None:
    """Stop all programs, then supervisord; ends what a killed supervisor may have left, too."""
    if is_running(stack):
        connect(stack).shutdown()
    deadline = time.monotonic() + SHUTDOWN_SECONDS
    while is_running(stack) and time.monotonic() < deadline:
        time.sleep(0.2)
    end_programs(stack)


def end_programs(stack: StackSettings) -> None:
    """End what is left of this stack's programs once no supervisor runs: ask first, then kill."""
    left = find_processes(stack)
    for process in left:
        with suppress(psutil.Error):
            process.terminate()
    _, left = psutil.wait_procs(left, timeout=END_SECONDS)
    for process in left:
        with suppress(psutil.Error):
            process.kill()


def find_processes(stack: StackSettings) -> list[psutil.Process]:
    """Live processes of this stack's programs and their children: those at home in its folder.

    Airflow's workers overwrite their environment and command line with a title.
    """
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(stack.var) and not is_bystander(process):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def is_bystander(process: psutil.Process) -> bool:
    """Ourselves, our callers, the guardian: all that must go on."""
    callers = {p.pid for p in psutil.Process().parents()} | {psutil.Process().pid}
    return process.pid in callers or "local.guardian" in process.cmdline()


def last_lines(path: Path, count: int = 25) -> str:
    """The end of a log file."""
    if not path.exists():
        return "(no log yet)"
    return "\n".join(path.read_text(errors="replace").splitlines()[-count:])
