"""The processes that may be killed, and how each is found."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable

import psutil

from local.supervisor import list_states
from tests.system.conftest import RunningStack

WORKER_TITLE = "airflow worker -- LocalExecutor: "
IDLE = "<idle>"


def kill_tasks(stack: RunningStack) -> int:
    """The processes that run a step's code; their supervising workers live on."""
    return kill(child for worker in find_workers(stack) for child in worker.children())


def kill_workers(stack: RunningStack) -> int:
    """LocalExecutor's workers; the tasks they supervise live on as orphans."""
    return kill(find_workers(stack))


def find_workers(stack: RunningStack) -> list[psutil.Process]:
    """LocalExecutor's workers that have a task."""
    scheduler = psutil.Process(list_states(stack.settings)["airflow-scheduler"]["pid"])
    return [child for child in scheduler.children() if has_task(child)]


def has_task(process: psutil.Process) -> bool:
    """Whether it is a worker of LocalExecutor, by its title, that is not idle."""
    try:
        title = " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # ended since it was listed, or killed and not yet reaped
        return False
    return title.startswith(WORKER_TITLE) and IDLE not in title


def kill(processes: object) -> int:
    """kill -9 each; returns how many, those left out that have ended since they were listed."""
    killed = 0
    for process in list(processes):  # type: ignore[call-overload]
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
            killed += 1
    return killed


def kill_group(name: str, kill_signal: signal.Signals = signal.SIGKILL) -> Callable[..., int]:
    """Kills a program with its whole process group."""

    def kill_program(stack: RunningStack) -> int:
        os.killpg(os.getpgid(list_states(stack.settings)[name]["pid"]), kill_signal)
        return 1

    return kill_program


def stop_postgres(stack: RunningStack) -> int:
    """An immediate stop: no client is waited for, nothing is written back."""
    os.kill(list_states(stack.settings)["postgres"]["pid"], signal.SIGQUIT)
    return 1


KILLS: dict[str, Callable[[RunningStack], int]] = {
    "task": kill_tasks,
    "LocalExecutor worker": kill_workers,
    "scheduler group": kill_group("airflow-scheduler"),
    "triggerer": kill_group("airflow-triggerer"),
    "API server": kill_group("airflow-api-server"),
    "DAG processor": kill_group("airflow-dag-processor"),
    "PostgreSQL, immediate stop": stop_postgres,
}
