"""DynamoDB's items: calls made atomic, and answers written quickly.

moto lets two threads pass the same condition, and reads an item for its answer while another thread
changes it: the answer is then a mixture, or a 500 for what has been done.
"""

from __future__ import annotations

import base64
import json
import threading
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores
from moto.dynamodb.responses import DynamoHandler, DynamoResult

LOCK = threading.Lock()
OPERATIONS = (
    "get_item", "query", "scan", "batch_get_item", "transact_get_items",
    "put_item", "update_item", "delete_item", "batch_write_item", "transact_write_items",
)  # fmt: skip

call_by_moto = DynamoHandler.call_action


def make_items_atomic() -> None:
    """Let one request at a time touch items, its answer included; a second call changes nothing."""
    DynamoHandler.call_action = call_alone  # type: ignore[method-assign]


def call_alone(handler: DynamoHandler) -> Any:
    """moto's answer to a request, made under the lock."""
    with LOCK:
        return call_by_moto(handler)


def answer_items_as_they_are() -> None:
    """Write items as the JSON they are: moto's serializer looks every nested key up in a model."""
    DynamoResult.execute_result = write_answer  # type: ignore[method-assign]


def write_answer(answer: DynamoResult, context: Any) -> tuple[int, dict[str, str], str]:
    """Status, headers and body; of items without looking, absent members left out."""
    if camelcase_to_underscores(context.operation_model.name) not in OPERATIONS:
        return ActionResult.execute_result(answer, context)
    members = dict(answer.result)  # type: ignore[call-overload]
    present = {name: value for name, value in members.items() if value is not None}
    body = json.dumps(present, default=encode_binary)
    return 200, {"Content-Type": "application/x-amz-json-1.0"}, body


def encode_binary(value: Any) -> str:
    """A binary attribute as the protocol has it.

    :raises TypeError: for anything else.
    """
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{value!r} is no attribute")
