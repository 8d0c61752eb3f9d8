"""What intake and gateway hold alike of every request: its id, and what of it is not logged."""

from __future__ import annotations

import re
from uuid import uuid4

REQUEST_ID = "X-Request-Id"
SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
MAX_LOGGED_CHARACTERS = 64
# Asked every few seconds by machines; they are in the metrics.
OPERATIONS_PATHS = frozenset({"/livez", "/readyz", "/health", "/metrics"})


def choose_request_id(asked: str) -> str:
    """The caller's request id if it is a sane one, else a new one."""
    return asked if SANE_REQUEST_ID.fullmatch(asked) else str(uuid4())
