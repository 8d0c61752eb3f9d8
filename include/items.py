"""DynamoDB items: records in DynamoDB's typed form, and the arguments of its calls."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from pydantic.alias_generators import to_camel

from include.aws import client
from include.models import Record

MAX_BATCH = 25  # DynamoDB's

serializer = TypeSerializer()
deserializer = TypeDeserializer()


def build_update(attributes: dict[str, Any]) -> dict[str, Any]:
    """DynamoDB's update arguments: SET what has a value, REMOVE what is None."""
    names = {f"#{key}": to_camel(key) for key in attributes}
    values = {f":{key}": write(value) for key, value in attributes.items() if value is not None}
    expression = "SET " + ", ".join(f"#{key[1:]} = {key}" for key in values)
    removed = ", ".join(f"#{key}" for key, value in attributes.items() if value is None)
    return {
        "UpdateExpression": expression + (f" REMOVE {removed}" if removed else ""),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }


def put_new(table: str, record: Record, key: str) -> dict[str, Any]:
    """A transaction's put that refuses to overwrite."""
    return {
        "Put": {
            "TableName": table,
            "Item": write(record)["M"],
            "ConditionExpression": f"attribute_not_exists({key})",
        }
    }


def get_item(table: str, key: dict[str, Any]) -> dict[str, Any] | None:
    """One item as plain Python, or None."""
    item = client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
    return read(item) if item else None


def list_items(table: str, key: dict[str, str], **options: Any) -> Iterator[dict[str, Any]]:
    """All items of one key as plain Python, as they are now."""
    ((name, value),) = key.items()
    pages = (
        client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=table,
            KeyConditionExpression=f"{name} = :value",
            ExpressionAttributeValues={":value": {"S": value}},
            ConsistentRead=True,
            **options,
        )
    )
    for page in pages:
        yield from map(read, page["Items"])


def delete_items(table: str, keys: list[dict[str, Any]]) -> None:
    """Delete the items of these keys, as many in one call as DynamoDB takes."""
    for first in range(0, len(keys), MAX_BATCH):
        requests = [{"DeleteRequest": {"Key": key}} for key in keys[first : first + MAX_BATCH]]
        left: dict[str, Any] = {table: requests}
        while left:
            left = client("dynamodb").batch_write_item(RequestItems=left)["UnprocessedItems"]


def write(value: Any) -> dict[str, Any]:
    """A value in DynamoDB's typed form; floats become Decimal, which DynamoDB demands."""
    plain = json.dumps(value, default=dump_record)
    typed: dict[str, Any] = serializer.serialize(json.loads(plain, parse_float=Decimal))
    return typed


def dump_record(record: Record) -> dict[str, Any]:
    """A record as JSON-ready data, without empty attributes."""
    return record.model_dump(mode="json", by_alias=True, exclude_none=True)


def read(item: dict[str, Any]) -> dict[str, Any]:
    """Plain Python from DynamoDB's typed form."""
    return {name: to_plain(deserializer.deserialize(value)) for name, value in item.items()}


def to_plain(value: Any) -> Any:
    """The value with JSON's numbers instead of Decimal, at any depth."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: to_plain(member) for name, member in value.items()}
    return [to_plain(member) for member in value] if isinstance(value, list) else value
