"""The stand-in's DynamoDB gives back what was stored, of every type."""

from __future__ import annotations

import pytest
from moto.dynamodb.models.dynamo_type import Item

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


# -- transactions --------------------------------------------------------------------------------
OTHER = {"userId": {"S": "alice"}, "agentId": {"S": "other"}}
NEW = {"userId": {"S": "bob"}, "agentId": {"S": "new"}}


def build_change(key, **more):
    return {
        "Update": {
            "TableName": TABLE,
            "Key": key,
            "UpdateExpression": "SET #number = :number",
            "ExpressionAttributeNames": {"#number": "number"},
            "ExpressionAttributeValues": {":number": {"N": "2"}},
            **more,
        }
    }


def list_items(table):
    return sorted(table.scan(TableName=TABLE)["Items"], key=lambda item: item["agentId"]["S"])


@pytest.mark.parametrize("last", [KEY, OTHER, NEW])
def test_a_transaction_that_fails_at_its_last_action_changes_nothing(table, last):
    table.put_item(TableName=TABLE, Item=OTHER)
    before = list_items(table)
    actions = [build_change(key) for key in (KEY, OTHER, NEW) if key != last]
    actions.append({"Put": {"TableName": TABLE, "Item": NEW | {"agentId": {"S": "second"}}}})
    refused = build_change(last, ConditionExpression="attribute_exists(nothingOfTheKind)")
    with pytest.raises(table.exceptions.TransactionCanceledException):
        table.transact_write_items(TransactItems=[*actions, refused])
    assert list_items(table) == before


def test_a_transaction_changes_all_it_names_and_nothing_else(table):
    table.put_item(TableName=TABLE, Item=OTHER)
    delete = {"Delete": {"TableName": TABLE, "Key": OTHER}}
    table.transact_write_items(TransactItems=[build_change(KEY), delete, build_change(NEW)])
    assert list_items(table) == [ITEM | {"number": {"N": "2"}}, NEW | {"number": {"N": "2"}}]


def test_a_transaction_copies_no_more_than_it_touches(table, monkeypatch):
    copied = []
    copy_item = Item.__deepcopy__
    monkeypatch.setattr(
        Item, "__deepcopy__", lambda item, memo: copied.append(item) or copy_item(item, memo)
    )
    for number in range(20):
        table.put_item(TableName=TABLE, Item=OTHER | {"agentId": {"S": str(number)}})
    copied.clear()
    table.transact_write_items(TransactItems=[build_change(KEY)])
    assert {item.range_key.value for item in copied} == {"every-type"}


def build_put(item):
    condition = "attribute_not_exists(agentId)"
    return {"Put": {"TableName": TABLE, "Item": item, "ConditionExpression": condition}}


def test_a_transaction_that_comes_again_with_its_token_is_done(table):
    for _ in range(2):
        table.transact_write_items(TransactItems=[build_put(NEW)], ClientRequestToken="token-1")
    with pytest.raises(table.exceptions.TransactionCanceledException):
        table.transact_write_items(TransactItems=[build_put(NEW)], ClientRequestToken="token-2")


def test_a_token_is_good_for_one_transaction(table):
    table.transact_write_items(TransactItems=[build_put(NEW)], ClientRequestToken="token-3")
    with pytest.raises(table.exceptions.IdempotentParameterMismatchException):
        table.transact_write_items(TransactItems=[build_put(OTHER)], ClientRequestToken="token-3")


def test_a_refused_transaction_may_come_again(table):
    with pytest.raises(table.exceptions.TransactionCanceledException):
        table.transact_write_items(TransactItems=[build_put(ITEM)], ClientRequestToken="token-4")
    table.delete_item(TableName=TABLE, Key=KEY)
    table.transact_write_items(TransactItems=[build_put(ITEM)], ClientRequestToken="token-4")
