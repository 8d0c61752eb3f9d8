"""Ties a process's life to its parent's, so that a killed supervisor leaves no orphans behind."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent() -> None:
    """Ask the kernel for a SIGTERM when our parent dies; the wish survives exec (Linux only)."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the wish was made
            sys.exit(1)


def main() -> None:
    """Run a command that ends with its parent: `python -m local.lifetime COMMAND ARG ...`."""
    end_with_parent()
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
