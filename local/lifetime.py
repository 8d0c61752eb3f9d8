"""Ties a process's life to its parent's, and cleans up after a killed predecessor."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

import psutil

PR_SET_PDEATHSIG = 1  # linux/prctl.h
# How Airflow titles the children that outlive a killed scheduler with nothing left to do.
LEFTOVERS = ("LocalExecutor: <idle>", "airflow serve-logs")


def end_with_parent(death_signal: signal.Signals = signal.SIGTERM) -> None:
    """Ask the kernel for a signal when our parent dies; the wish survives exec (Linux only)."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:  # it died before the wish was made
            sys.exit(1)


def end_leftovers() -> None:
    """Kill idle children of a killed predecessor: at home in our folder, no parent; they ignore
    SIGTERM.
    """
    for process in psutil.process_iter():
        try:
            is_leftover = any(title in " ".join(process.cmdline()) for title in LEFTOVERS)
            if is_leftover and process.ppid() == 1 and process.cwd() == os.getcwd():
                process.kill()
        except psutil.Error:
            continue


def main() -> None:
    """Run a command that ends with its parent: `python -m local.lifetime COMMAND ARG ...`."""
    end_with_parent()
    end_leftovers()
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
