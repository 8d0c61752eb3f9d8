"""Calls that touch the same item at the same time are answered as if one came after the other."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from botocore.config import Config

WRITES = 200
THREADS = 8


@pytest.fixture
def threads_change_often():
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(usual)


@pytest.fixture
def table(stand_in_url):
    """A table with one item; a call that fails is not tried again."""
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=THREADS)
    resource = boto3.resource("dynamodb", endpoint_url=stand_in_url, config=config)
    table = resource.create_table(
        TableName="shared",
        KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    table.put_item(Item={"name": "one", "steps": {}})
    yield table
    table.delete()


def test_each_of_many_writes_is_answered_with_the_item_as_it_left_it(table, threads_change_often):
    def write(number):
        answer = table.update_item(
            Key={"name": "one"},
            UpdateExpression="SET steps.#step = :done",
            ExpressionAttributeNames={"#step": f"s{number}"},
            ExpressionAttributeValues={":done": True},
            ReturnValues="ALL_NEW",
        )
        return len(answer["Attributes"]["steps"])

    with ThreadPoolExecutor(THREADS) as executor:
        lengths = list(executor.map(write, range(WRITES)))
    assert sorted(lengths) == list(range(1, WRITES + 1))
