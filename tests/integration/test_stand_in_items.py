"""The stand-in's DynamoDB gives back what was stored, of every type."""

from __future__ import annotations

import pytest

from include.aws import client

TABLE = "oratio-agents"
KEY = {"userId": {"S": "alice"}, "agentId": {"S": "every-type"}}
ITEM = KEY | {
    "binary": {"B": b"\x00\xff"},
    "binaries": {"BS": [b"a"]},
    "strings": {"SS": ["a", "b"]},
    "number": {"N": "1.5"},
    "map": {"M": {"list": {"L": [{"S": "ü"}, {"NULL": True}, {"BOOL": False}]}}},
    "empty": {"M": {}},
    "nothing": {"S": ""},
}


@pytest.fixture
def table(empty_stand_in):
    dynamodb = client("dynamodb")
    dynamodb.put_item(TableName=TABLE, Item=ITEM)
    return dynamodb


def test_an_item_comes_back_as_it_was_stored(table):
    assert table.get_item(TableName=TABLE, Key=KEY)["Item"] == ITEM


def test_a_query_and_a_scan_give_the_same(table):
    condition = "userId = :user"
    values = {":user": KEY["userId"]}
    query = table.query(
        TableName=TABLE, KeyConditionExpression=condition, ExpressionAttributeValues=values
    )
    assert query["Items"] == table.scan(TableName=TABLE)["Items"] == [ITEM]


def test_what_is_not_there_is_left_out(table):
    missing = KEY | {"agentId": {"S": "missing"}}
    assert "Item" not in table.get_item(TableName=TABLE, Key=missing)


def test_a_deletion_gives_the_last_state(table):
    assert table.delete_item(TableName=TABLE, Key=KEY, ReturnValues="ALL_OLD")["Attributes"] == ITEM
