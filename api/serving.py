"""gunicorn's configuration: `gunicorn --config python:api.serving 'api.app:create_app()'`.

Threads, because a worker mostly waits for S3 and DynamoDB while a client uploads.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

from gunicorn.http.unreader import SocketUnreader  # type: ignore[import-untyped]
from prometheus_client.multiprocess import mark_process_dead

from include.logs import LOGGING

workers = 2
threads = 16
worker_class = "gthread"
timeout = 120
keepalive = 75  # longer than load balancers and clients keep a connection: they find it open, then
control_socket_disable = True  # it would lie in the home folder, one for all stacks
logconfig_dict = LOGGING

# As much as api/form_stream.py reads: what more gunicorn received it would copy at each read.
SocketUnreader.max_body_chunk = 64 * 1024

# glibc's numbers of mallopt's options, and from which size on memory goes back when it is freed.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
LARGE_BYTES = 1024 * 1024


def on_starting(server: Any) -> None:
    """Forget the counts of a former start: their files would be added to ours."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for file in Path(folder).glob("*.db"):
            file.unlink()


def post_fork(server: Any, worker: Any) -> None:
    """Give the buffers of uploads back to the system: by default glibc keeps each thread's."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none, and does not need it
    if set_option:
        set_option(M_MMAP_THRESHOLD, LARGE_BYTES)
        set_option(M_TRIM_THRESHOLD, LARGE_BYTES)
        set_option(M_ARENA_MAX, 2)


def child_exit(server: Any, worker: Any) -> None:
    """A worker ended: its gauges no longer count."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
