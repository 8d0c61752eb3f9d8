"""Checks a request against its botocore shape as AWS does on its side (clients check less)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from moto.core.utils import get_service_model

if TYPE_CHECKING:
    from botocore.model import Shape

SIZED_TYPES = {"string": "length", "list": "length", "map": "length", "blob": "length"}


def find_violations(service: str, operation: str, params: Mapping[str, Any]) -> list[str]:
    """One sentence per broken constraint, in AWS's words; empty when the request is fine."""
    shape = get_service_model(service).operation_model(operation).input_shape
    return list(_check(shape, params, "")) if shape else []


def describe_violations(violations: list[str]) -> str:
    """AWS's message for a ValidationException that lists `violations`."""
    plural = "s" if len(violations) > 1 else ""
    return f"{len(violations)} validation error{plural} detected: {'; '.join(violations)}"


def _check(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if shape.metadata.get("document"):
        return
    if shape.type_name == "structure":
        yield from _check_structure(shape, value, path)
        return
    for constraint in _broken_constraints(shape, value):
        text = "" if shape.metadata.get("sensitive") else f" '{value}'"
        yield f"Value{text} at '{path}' failed to satisfy constraint: Member must {constraint}"
    if shape.type_name == "list":
        for index, item in enumerate(value):
            yield from _check(shape.member, item, f"{path}.{index + 1}.member")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from _check(shape.key, key, f"{path}.key")
            yield from _check(shape.value, item, f"{path}.{key}.member")


def _check_structure(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"Value at '{path}' failed to satisfy constraint: Member must be a structure"
        return
    prefix = f"{path}." if path else ""
    for name in shape.metadata.get("required", ()):
        if value.get(name) is None:
            yield (
                f"Value null at '{prefix}{name}' failed to satisfy constraint: "
                "Member must not be null"
            )
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from _check(member, value[name], f"{prefix}{name}")


def _broken_constraints(shape: Shape, value: Any) -> Iterator[str]:
    rules = shape.metadata
    what = "length " if shape.type_name in SIZED_TYPES else "value "
    size = len(value) if shape.type_name in SIZED_TYPES else value
    if "min" in rules and size < rules["min"]:
        yield f"have {what}greater than or equal to {rules['min']}"
    if "max" in rules and size > rules["max"]:
        yield f"have {what}less than or equal to {rules['max']}"
    if "pattern" in rules and not re.fullmatch(rules["pattern"], value):
        yield f"satisfy regular expression pattern: {rules['pattern']}"
    if "enum" in rules and value not in rules["enum"]:
        yield f"satisfy enum value set: [{', '.join(rules['enum'])}]"


def find_unknown_members(service: str, operation: str, params: Any) -> list[str]:
    """Dotted paths of members that the request's shape does not have."""
    shape = get_service_model(service).operation_model(operation).input_shape
    return list(_find_unknown(shape, params, "")) if shape else []


def _find_unknown(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if shape.type_name == "list" and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _find_unknown(shape.member, item, f"{path}{index}.")
    if shape.type_name != "structure" or shape.metadata.get("document"):
        return
    for name in value if isinstance(value, Mapping) else ():
        if name in shape.members:
            yield from _find_unknown(shape.members[name], value[name], f"{path}{name}.")
        else:
            yield f"{path}{name}"
