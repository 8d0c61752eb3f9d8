"""How many calls this process holds, in all and of each caller."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from include.errors import RateLimitError, RetryableError
from include.settings import Settings

RETRY_SECONDS = 30


class CallCount:
    """Calls being held, by the caller's name."""

    def __init__(self, settings: Settings) -> None:
        self.max_calls = settings.max_calls
        self.max_calls_per_caller = settings.max_calls_per_caller
        self.callers: Counter[str] = Counter()

    @contextmanager
    def taking_line(self, caller: str) -> Iterator[None]:
        """Count a call while it is held.

        :raises RetryableError: when the process holds as many as it may.
        :raises RateLimitError: when the caller does.
        """
        if self.callers.total() >= self.max_calls:
            raise RetryableError("Too many calls are being held. Try again shortly.")
        if self.callers[caller] >= self.max_calls_per_caller:
            limit = self.max_calls_per_caller
            message = f"You hold {limit} calls, the most there may be. End one of them."
            raise RateLimitError(message, RETRY_SECONDS)
        self.callers[caller] += 1
        try:
            yield
        finally:
            self.callers[caller] -= 1
            self.callers += Counter()  # forgets those without a call
