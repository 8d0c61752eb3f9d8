"""DynamoDB's transactions as AWS has them: cheap however full a table is, and repeatable.

To undo a transaction moto copies whole tables; here it copies what is touched. And moto carries out
again what comes again with its token because the answer was lost.
"""

from __future__ import annotations

import copy
import functools
import json
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

Actions = list[dict[str, Any]]
Write = Callable[[DynamoHandler], ActionResult]

TOKEN_SECONDS = 600  # as on AWS

ACTIONS: ContextVar[Actions] = ContextVar("ACTIONS")
write_all = DynamoDBBackend.transact_write_items


def copy_touched_items_only() -> None:
    """Make transactions cost what they touch; a second call changes nothing."""
    if "__deepcopy__" not in vars(Table):
        DynamoDBBackend.transact_write_items = write_with_small_copies  # type: ignore[method-assign]
        Table.__deepcopy__ = copy_to_undo  # type: ignore[attr-defined]


class IdempotentParameterMismatchException(ServiceException):
    """400: a token came again with another transaction."""

    code = "IdempotentParameterMismatchException"


def know_tokens_again() -> None:
    """Take a transaction as done that comes again; a second call changes nothing."""
    operation = DynamoHandler.transact_write_items
    if not hasattr(operation, "__wrapped__"):
        DynamoHandler.transact_write_items = once_by_token(operation)  # type: ignore[method-assign]


def once_by_token(operation: Write) -> Write:
    """The operation, which remembers what it has done for some minutes; calls come one by one."""
    done: dict[str, tuple[float, str]] = {}

    @functools.wraps(operation)
    def write(handler: DynamoHandler) -> ActionResult:
        token, at = handler.body.get("ClientRequestToken"), time.monotonic()
        actions = json.dumps(handler.body["TransactItems"], sort_keys=True, default=repr)
        written_at, written = done.get(token, (at - TOKEN_SECONDS, ""))
        if at - written_at < TOKEN_SECONDS:
            if actions != written:
                raise IdempotentParameterMismatchException("The token belongs to other items.")
            return ActionResult({})
        answer = operation(handler)
        if token:
            done[token] = (at, actions)
            forget_old(done, at)
        return answer

    return write


def forget_old(done: dict[str, tuple[float, str]], at: float) -> None:
    """Drop what is too old to come again; the oldest is first."""
    while at - done[next(iter(done))][0] >= TOKEN_SECONDS:
        del done[next(iter(done))]


def write_with_small_copies(backend: DynamoDBBackend, transact_items: Actions) -> None:
    """The transaction, its actions known to the copies made meanwhile."""
    token = ACTIONS.set(transact_items)
    try:
        write_all(backend, transact_items)
    finally:
        ACTIONS.reset(token)


def copy_to_undo(table: Table, memo: dict[int, Any]) -> Table:
    """The table as it is, sharing the items that the transaction leaves alone."""
    kept = copy.copy(table)
    kept.items = table.items.copy()
    for hash_key, range_key in list_keys(table):
        if hash_key not in table.items:
            continue
        if range_key is None:
            kept.items[hash_key] = copy.deepcopy(table.items[hash_key])
            continue
        if kept.items[hash_key] is table.items[hash_key]:
            kept.items[hash_key] = dict(table.items[hash_key])
        if range_key in table.items[hash_key]:
            kept.items[hash_key][range_key] = copy.deepcopy(table.items[hash_key][range_key])
    return kept


def list_keys(table: Table) -> Iterator[tuple[DynamoType, DynamoType | None]]:
    """The keys in this table that the transaction names; one without key is refused later."""
    for action in ACTIONS.get():
        for write in action.values():
            key = write.get("Key") or write.get("Item") or {}
            if write.get("TableName") != table.name or table.hash_key_attr not in key:
                continue
            ranged = key.get(table.range_key_attr) if table.range_key_attr else None
            yield DynamoType(key[table.hash_key_attr]), DynamoType(ranged) if ranged else None
