"""Retrieve's metadata filter: which documents a search may answer from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from local.aws.errors import ValidationException

Metadata = Mapping[str, Any]

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "greaterThan": lambda have, want: have > want,
    "greaterThanOrEquals": lambda have, want: have >= want,
    "lessThan": lambda have, want: have < want,
    "lessThanOrEquals": lambda have, want: have <= want,
}
_TEST: dict[str, Callable[[Any, Any], bool]] = {
    "equals": lambda have, want: have == want,
    "in": lambda have, want: have in want,
    "startsWith": lambda have, want: isinstance(have, str) and have.startswith(want),
    "stringContains": lambda have, want: any(want in item for item in _strings(have)),
    "listContains": lambda have, want: isinstance(have, list) and want in have,
}
_NEGATED = {"notEquals": "equals", "notIn": "in"}
# Only OpenSearch can do these two.
_FULL_TEXT = ("startsWith", "stringContains")


def check_filter(condition: Mapping[str, Any], store: str) -> None:
    """Raise ValidationException for a filter that AWS or the kind of store refuses."""
    if len(condition) != 1:
        raise ValidationException("A filter must hold exactly one operator")
    ((operator, operand),) = condition.items()
    if operator in ("andAll", "orAll"):
        for part in operand:
            check_filter(part, store)
        return
    if operator in _FULL_TEXT and store != "OPENSEARCH_SERVERLESS":
        raise ValidationException(f"The operator {operator} is not supported by {store}")
    value = operand["value"]
    if operator in _ORDER and not _is_number(value):
        raise ValidationException(f"The operator {operator} takes a number")
    if operator in ("in", "notIn") and not isinstance(value, list):
        raise ValidationException(f"The operator {operator} takes a list")
    if operator in _FULL_TEXT and not isinstance(value, str):
        raise ValidationException(f"The operator {operator} takes a string")


def matches(condition: Mapping[str, Any], metadata: Metadata) -> bool:
    """Whether a document with this metadata passes; a missing attribute only passes negations."""
    ((operator, operand),) = condition.items()
    if operator == "andAll":
        return all(matches(part, metadata) for part in operand)
    if operator == "orAll":
        return any(matches(part, metadata) for part in operand)
    if operator in _NEGATED:
        return not matches({_NEGATED[operator]: operand}, metadata)
    if operand["key"] not in metadata:
        return False
    have, want = metadata[operand["key"]], operand["value"]
    if operator in _ORDER:
        return _is_number(have) and _ORDER[operator](have, want)
    return _TEST[operator](have, want)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _strings(value: Any) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, str)]
