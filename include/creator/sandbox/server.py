"""Starts the sandbox: `python -m include.creator.sandbox.server`.

Reads the settings, then becomes warm.py with an empty environment: no credential is in the memory
that the jailed processes inherit.
"""

from __future__ import annotations

import json
import os
import sys

from include.settings import Settings, get_settings


def main() -> None:
    """Replace this process by the sandbox."""
    command = build_command(get_settings())
    os.execve(sys.executable, command, build_environment())  # noqa: S606 - no shell


def build_command(settings: Settings) -> list[str]:
    """The sandbox's command line."""
    arguments = {
        "socket": settings.sandbox_socket,
        "max_children": settings.sandbox_processes,
        "limits": {
            "seconds": settings.sandbox_seconds,
            "cpu_seconds": settings.sandbox_cpu_seconds,
            "memory_mib": settings.sandbox_memory_mib,
        },
    }
    module = "include.creator.sandbox.warm"
    return [sys.executable, "-m", module, json.dumps(arguments)]


def build_environment() -> dict[str, str]:
    """All that Python needs; boto3 must neither find credentials nor look for them."""
    return {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
    }


if __name__ == "__main__":
    main()
