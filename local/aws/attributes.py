"""DynamoDB's attribute values, walked once: moto walks them again for each level of nesting."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from moto.dynamodb import responses
from moto.dynamodb.models import utilities
from moto.dynamodb.models.dynamo_type import DynamoType

SCALARS = frozenset({str, bool, int, type(None)})

expand_by_moto = utilities.dynamo_to_dict
measure_by_moto = DynamoType.size


def walk_values_once() -> None:
    """Replace moto's ways through a value by our own; a second call changes nothing."""
    DynamoType.__deepcopy__ = copy  # type: ignore[method-assign]
    DynamoType.to_regular_json = render  # type: ignore[method-assign]
    DynamoType.size = measure  # type: ignore[method-assign]
    utilities.dynamo_to_dict = responses.dynamo_to_dict = expand


def copy(value: DynamoType, memo: dict[int, Any] | None = None) -> DynamoType:
    """The value again; what nobody can change is shared."""
    copied = DynamoType.__new__(DynamoType)
    copied.type, content = value.type, value.value
    if copied.type == "M":
        copied.value = {key: copy(each) for key, each in content.items()}
    elif copied.type == "L":
        copied.value = [copy(each) for each in content]
    else:
        copied.value = list(content) if isinstance(content, list) else content
    return copied


def render(value: DynamoType) -> dict[str, Any]:
    """The value as JSON; binary as bytes."""
    content = value.value
    if value.type == "M":
        return {"M": {key: render(each) for key, each in content.items()}}
    if value.type == "L":
        return {"L": [render(each) for each in content]}
    if value.type == "B" and isinstance(content, str):
        return {"B": b64decode(content)}
    return {value.type: list(content) if isinstance(content, list) else content}


def measure(value: DynamoType) -> int:
    """Its bytes, as AWS counts them against an item's limit."""
    if value.type == "S":
        return len(value.value.encode())
    if value.type == "M":
        return sum(len(key.encode()) + measure(each) for key, each in value.value.items())
    if value.type == "L":
        return sum(measure(each) for each in value.value)
    return measure_by_moto(value)


def expand(answer: Any) -> Any:
    """An answer whose values have become JSON."""
    kind = type(answer)
    if kind in SCALARS:
        return answer
    if kind is dict:
        return {key: expand(each) for key, each in answer.items()}
    if kind is list:
        return [expand(each) for each in answer]
    return expand_by_moto(answer)
