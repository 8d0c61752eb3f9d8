"""Starts the supervisor again if it is killed: `python -m local.guardian`, itself supervised."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from local.settings import get_stack_settings
from local.supervisor import build_start_command, wait_until_programs_end

POLL_SECONDS = 1.0


def main() -> None:
    """Watch our parent; when it is gone, let its children end, start a new one and leave."""
    supervisor_pid = os.getppid()
    while os.getppid() == supervisor_pid:
        time.sleep(POLL_SECONDS)
    stack = get_stack_settings()
    print(f"supervisor {supervisor_pid} is gone; starting another", flush=True)
    wait_until_programs_end(stack)
    subprocess.run([*build_start_command(stack)], check=True)
    sys.exit(0)


if __name__ == "__main__":
    main()
