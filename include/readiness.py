"""Whether a process can serve: what it depends on, looked at now or a few seconds ago."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Literal

from include.aws import client
from include.models import Record
from include.settings import get_settings

log = logging.getLogger(__name__)

Check = Callable[[], None]
Checks = Mapping[str, Check]
Result = Literal["ok", "failed"]


class Readiness(Record):
    """What the process depends on: each check is `ok` or `failed`."""

    status: Literal["ready", "degraded", "unready"]
    checks: dict[str, Result]


class ReadinessCache:
    """The last look at what we depend on, good for some seconds.

    `list_checks` gives what serving needs, and what helps besides: without it we are `degraded`.
    """

    def __init__(self, list_checks: Callable[[], tuple[Checks, Checks]]) -> None:
        self.list_checks = list_checks
        self.lock = threading.Lock()
        self.executor = ThreadPoolExecutor(8, "readiness")
        self.forget()

    def forget(self) -> None:
        """Look anew next time."""
        self.expires_at = float("-inf")

    def look(self) -> Readiness:
        """The state now, or a few seconds ago; one caller at a time looks."""
        with self.lock:
            if time.monotonic() >= self.expires_at:
                self.readiness = self.run_checks()
                self.expires_at = time.monotonic() + get_settings().readiness_cache_seconds
            return self.readiness

    def run_checks(self) -> Readiness:
        """All checks side by side; what takes too long has failed."""
        deadline = time.monotonic() + get_settings().readiness_timeout_seconds
        needed, helpful = self.list_checks()
        jobs = {n: self.executor.submit(check) for n, check in [*needed.items(), *helpful.items()]}
        results = {name: describe_result(name, job, deadline) for name, job in jobs.items()}
        if any(results[name] != "ok" for name in needed):
            return Readiness(status="unready", checks=results)
        is_complete = all(results[name] == "ok" for name in helpful)
        return Readiness(status="ready" if is_complete else "degraded", checks=results)


def check_tables(*names: str) -> dict[str, Check]:
    """A check for each table."""
    return {f"table {name}": partial(require_table, name) for name in names}


def require_table(name: str) -> None:
    """Fail unless DynamoDB serves the table."""
    status = client("dynamodb").describe_table(TableName=name)["Table"]["TableStatus"]
    if status not in ("ACTIVE", "UPDATING"):
        raise RuntimeError(f"the table is {status}")


def describe_result(name: str, job: Future[None], deadline: float) -> Result:
    """`ok` or `failed`; why is in the log, for anybody may read the answer."""
    try:
        job.result(max(0.0, deadline - time.monotonic()))
    except Exception as error:  # whatever keeps it from working
        log.warning("readiness: %s: %r", name, error)
        return "failed"
    return "ok"
