"""A newer template reaches a stand-in that was set up with an older one, and its data stays."""

from __future__ import annotations

import json

from include.aws import client
from include.settings import get_settings

ITEM = {"id": {"S": "a1"}, "state": {"S": "pending"}}
INDEX = {
    "IndexName": "state-index",
    "KeySchema": [{"AttributeName": "state", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}


def build_template(*indexes):
    names = ["id", *(["state"] if indexes else [])]
    properties = {
        "TableName": "things",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": n, "AttributeType": "S"} for n in names],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    }
    if indexes:
        properties["GlobalSecondaryIndexes"] = list(indexes)
    table = {"Type": "AWS::DynamoDB::Table", "Properties": properties}
    return json.dumps({"Resources": {"Things": table}})


def test_an_index_that_a_newer_template_adds_is_there_with_what_was_stored(empty_stand_in):
    cloudformation, dynamodb = client("cloudformation"), client("dynamodb")
    cloudformation.create_stack(StackName="things", TemplateBody=build_template())
    dynamodb.put_item(TableName="things", Item=ITEM)
    cloudformation.update_stack(StackName="things", TemplateBody=build_template(INDEX))
    found = dynamodb.query(
        TableName="things",
        IndexName="state-index",
        KeyConditionExpression="#state = :state",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={":state": ITEM["state"]},
    )
    assert found["Items"] == [ITEM]


def test_replaced_checkpoints_expire_and_replaced_bundles_do_not(stand_in):
    rules = client("s3").get_bucket_lifecycle_configuration(Bucket=get_settings().code_bucket)
    expiring = [rule for rule in rules["Rules"] if "NoncurrentVersionExpiration" in rule]
    assert [rule["Filter"] for rule in expiring] == [
        {"Tag": {"Key": "resourceType", "Value": "checkpoint"}}
    ]
