"""DynamoDB's transactions: to undo one, moto copies whole tables; here it copies what is touched.

Else each transaction would take longer with every item there is, and all others wait for it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

Actions = list[dict[str, Any]]

ACTIONS: ContextVar[Actions] = ContextVar("ACTIONS")
write_all = DynamoDBBackend.transact_write_items


def copy_touched_items_only() -> None:
    """Make transactions cost what they touch; a second call changes nothing."""
    if "__deepcopy__" not in vars(Table):
        DynamoDBBackend.transact_write_items = write_with_small_copies  # type: ignore[method-assign]
        Table.__deepcopy__ = copy_to_undo  # type: ignore[attr-defined]


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
