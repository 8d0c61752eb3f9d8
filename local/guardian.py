"""Starts the supervisor again if it is killed: `python -m local.guardian`, itself supervised."""

from __future__ import annotations

import os
import time
from pathlib import Path

from local.programs import log_file
from local.settings import get_stack_settings
from local.stack import up
from local.supervisor import end_programs

POLL_SECONDS = 1.0


def main() -> None:
    """Watch our parent; when it is gone, end what it left, bring the stack up and leave."""
    stack = get_stack_settings()
    write_to(log_file(stack, "guardian"))
    # Its own word, not os.getppid(): it may have been killed while we were starting.
    supervisor_pid = int((stack.var / "run" / "supervisor.pid").read_text())
    while os.getppid() == supervisor_pid:
        time.sleep(POLL_SECONDS)
    print(f"supervisor {supervisor_pid} is gone; starting another", flush=True)
    end_programs(stack)
    up(stack)


def write_to(path: Path) -> None:
    """Send our output, and that of what we start, to a file.

    The pipe to the supervisor breaks just when there is something to say.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)


if __name__ == "__main__":
    main()
