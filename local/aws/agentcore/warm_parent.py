"""The stand-in's end of `warm.py`: starts it, sends it requests, replaces it when it is gone."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
INHERITED_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONHOME")
# boto3 clients are made while warming up: they must not find this machine's real credentials.
NO_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "stand-in",
    "AWS_SECRET_ACCESS_KEY": "stand-in",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


class StartError(Exception):
    """The agent's process did not come up."""


class WarmParent:
    """The stand-in's end of `warm.py`; restarts it when it is gone."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None
        self.channel: socket.socket | None = None

    def start(self) -> None:
        """Make sure the warm parent runs; it imports in the background."""
        with self.lock:
            self._ensure_running()

    def request(self, **message: Any) -> dict[str, Any]:
        """Send one message and return the reply; raises StartError when the parent is dying."""
        with self.lock:
            channel = self._ensure_running()
            try:
                channel.sendall(json.dumps(message).encode() + b"\n")
                with channel.makefile("r") as replies:
                    reply = replies.readline()
            except OSError as error:
                raise StartError(f"the warm parent ended ({error})") from error
        if not reply:
            raise StartError("the warm parent ended")
        return dict(json.loads(reply))

    def _ensure_running(self) -> socket.socket:
        if self.process and self.channel and self.process.poll() is None:
            return self.channel
        if self.channel:
            self.channel.close()
        self.channel, child_end = socket.socketpair()
        inherited = {k: os.environ[k] for k in INHERITED_VARIABLES if k in os.environ}
        with child_end:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "local.aws.agentcore.warm", str(child_end.fileno())],
                cwd=ROOT,
                env=inherited | NO_CREDENTIALS,
                pass_fds=[child_end.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        return self.channel
