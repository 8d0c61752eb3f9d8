"""DynamoDB's writes, each of them atomic: moto lets two threads pass the same condition."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

from moto.dynamodb.models import DynamoDBBackend

# A transaction is made of the others' calls, hence a lock that its owner may take again.
LOCK = threading.RLock()
OPERATIONS = (
    "get_item", "query", "scan", "batch_get_item", "transact_get_items",
    "put_item", "update_item", "delete_item", "batch_write_item", "transact_write_items",
)  # fmt: skip


def make_items_atomic() -> None:
    """Let one request at a time touch items; a second call changes nothing."""
    for name in OPERATIONS:
        operation = getattr(DynamoDBBackend, name)
        if not hasattr(operation, "__wrapped__"):
            setattr(DynamoDBBackend, name, one_at_a_time(operation))


def one_at_a_time(operation: Callable[..., Any]) -> Callable[..., Any]:
    """The operation under the lock."""

    @functools.wraps(operation)
    def locked(*arguments: Any, **options: Any) -> Any:
        with LOCK:
            return operation(*arguments, **options)

    return locked
