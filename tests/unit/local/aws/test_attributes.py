"""Attribute values are copied, rendered, measured and expanded as moto does it."""

from __future__ import annotations

from base64 import b64encode
from copy import deepcopy

import pytest
from moto.dynamodb.models.dynamo_type import DynamoType

from local.aws import attributes

BINARY = b64encode(b"\x00\xff").decode()
VALUES = (
    {"S": "Grüße"},
    {"N": "12.50"},
    {"BOOL": False},
    {"NULL": True},
    {"B": BINARY},
    {"B": b"\x00\xff"},
    {"BS": [BINARY]},
    {"SS": ["a", "bc"]},
    {"NS": ["1", "2"]},
    {"L": []},
    {"M": {}},
    {"M": {"steps": {"L": [{"M": {"né": {"S": "x"}, "at": {"N": "1"}}}, {"SS": ["q"]}]}}},
    {"L": [{"L": [{"BOOL": True}, {"NULL": True}]}, {"B": BINARY}]},
)
# moto's own, whichever test has replaced them in this process.
ORIGINAL = {
    "render": DynamoType.to_regular_json,
    "measure": attributes.measure_by_moto,
    "expand": attributes.expand_by_moto,
}


@pytest.fixture(params=VALUES, ids=str)
def value(request):
    return DynamoType(request.param)


def test_a_value_is_rendered_as_by_moto(value):
    assert attributes.render(value) == ORIGINAL["render"](value)


def test_a_value_is_measured_as_by_moto(value):
    assert attributes.measure(value) == ORIGINAL["measure"](value)


def test_an_answer_is_expanded_as_by_moto(value):
    answer = {"Item": {"one": value}, "Items": [{"two": value}], "Count": 1, "Next": None}
    assert attributes.expand(answer) == ORIGINAL["expand"](answer)


def test_a_copy_is_equal_and_has_nothing_to_change_in_common(value):
    before, copied = repr(value), attributes.copy(value)
    assert repr(copied) == before
    change(copied)
    assert repr(value) == before


def change(value):
    """Change every list and map below a value."""
    if isinstance(value.value, dict):
        for each in value.value.values():
            change(each)
        value.value["more"] = DynamoType({"S": "more"})
    elif isinstance(value.value, list):
        for each in value.value:
            if isinstance(each, DynamoType):
                change(each)
        value.value.append("more")


def test_what_is_replaced_stays_replaced_only_once():
    attributes.walk_values_once()
    attributes.walk_values_once()
    nested = DynamoType({"M": {"b": {"B": BINARY}}})
    assert deepcopy(nested) == nested
    assert attributes.expand({"Item": {"a": nested}}) == {
        "Item": {"a": {"M": {"b": {"B": b"\x00\xff"}}}}
    }
