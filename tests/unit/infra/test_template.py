"""infra/template.yaml holds what the specification demands of tables, buckets and roles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic.alias_generators import to_camel

from include.lists import AgentSummary, KnowledgeBaseSummary
from include.settings import Settings

TEMPLATE_FILE = Path(__file__).parents[3] / "infra" / "template.yaml"


class TemplateLoader(yaml.SafeLoader):
    """YAML with CloudFormation's short functions: `!Sub x` becomes {"Sub": x}."""


def build_function(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    """A function call as a mapping."""
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


TemplateLoader.add_multi_constructor("!", build_function)
TEMPLATE = yaml.load(TEMPLATE_FILE.read_text(), TemplateLoader)
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
SETTINGS = Settings()


def list_resources(kind: str) -> dict[str, dict[str, Any]]:
    """Properties of all resources of one type, by the name they get by default."""
    names = {"AWS::DynamoDB::Table": "TableName", "AWS::S3::Bucket": "BucketName"}
    found = [r["Properties"] for r in RESOURCES.values() if r["Type"] == kind]
    return {resolve(p[names.get(kind, "RoleName")]): p for p in found}


def resolve(name: dict[str, str]) -> str:
    """A `!Sub` with the parameter's default."""
    return name["Sub"].replace("${Prefix}", TEMPLATE["Parameters"]["Prefix"]["Default"])


TABLES = list_resources("AWS::DynamoDB::Table")
BUCKETS = list_resources("AWS::S3::Bucket")
ROLES = list_resources("AWS::IAM::Role")
# What customers said: it must not be possible to restore what was deleted.
CONVERSATIONS = {
    SETTINGS.sessions_table,
    SETTINGS.turns_table,
    SETTINGS.handoffs_table,
    SETTINGS.outbox_table,
}


def keys_of(schema: list[dict[str, str]]) -> dict[str, str]:
    return {key["KeyType"]: key["AttributeName"] for key in schema}


def list_actions(role: dict[str, Any]) -> set[str]:
    """All actions a role's policies allow."""
    statements = [s for p in role["Policies"] for s in p["PolicyDocument"]["Statement"]]
    actions = [s["Action"] if isinstance(s["Action"], list) else [s["Action"]] for s in statements]
    return {action for some in actions for action in some}


def test_names_are_the_settings_defaults():
    assert TABLES.keys() == {
        SETTINGS.agents_table,
        SETTINGS.knowledge_bases_table,
        SETTINGS.tenants_table,
        SETTINGS.idempotency_table,
        SETTINGS.webhooks_table,
        SETTINGS.keys_table,
        *CONVERSATIONS,
    }
    assert BUCKETS.keys() == {SETTINGS.kb_bucket, SETTINGS.code_bucket}
    assert {f"arn:aws:iam::{SETTINGS.aws_account_id}:role/{name}" for name in ROLES} == {
        SETTINGS.knowledge_base_role_arn,
        SETTINGS.runtime_role_arn,
    }


NEWEST_OF_USER = {"HASH": "userId", "RANGE": "createdAt"}


@pytest.mark.parametrize(
    ("table", "keys", "indexes"),
    [
        (
            "oratio-agents",
            {"HASH": "userId", "RANGE": "agentId"},
            {
                "agentId-index": {"HASH": "agentId"},
                "user-created-index": NEWEST_OF_USER,
                "status-created-index": {"HASH": "userStatus", "RANGE": "createdAt"},
                "open-runs-index": {"HASH": "dispatch", "RANGE": "runRequestedAt"},
            },
        ),
        (
            "oratio-knowledgebases",
            {"HASH": "knowledgeBaseId"},
            {"userId-index": {"HASH": "userId"}, "user-created-index": NEWEST_OF_USER},
        ),
    ],
)
def test_tables_have_the_specified_keys(table, keys, indexes):
    properties = TABLES[table]
    found = {i["IndexName"]: keys_of(i["KeySchema"]) for i in properties["GlobalSecondaryIndexes"]}
    used = {name for key in (keys, *indexes.values()) for name in key.values()}

    assert keys_of(properties["KeySchema"]) == keys
    assert found == indexes
    assert {a["AttributeName"]: a["AttributeType"] for a in properties["AttributeDefinitions"]} == (
        dict.fromkeys(used, "S")
    )


@pytest.mark.parametrize(
    ("table", "model"),
    [("oratio-agents", AgentSummary), ("oratio-knowledgebases", KnowledgeBaseSummary)],
)
def test_list_indexes_hold_what_lists_show(table, model):
    properties = TABLES[table]
    shown = {to_camel(name) for name in model.model_fields}
    for index in properties["GlobalSecondaryIndexes"]:
        if index["IndexName"].endswith("created-index"):
            keys = {*keys_of(properties["KeySchema"]).values()}
            keys |= {*keys_of(index["KeySchema"]).values()}
            assert shown <= keys | set(index["Projection"]["NonKeyAttributes"])


@pytest.mark.parametrize("table", CONVERSATIONS)
def test_conversations_are_encrypted_end_and_cannot_be_restored(table):
    assert TABLES[table]["SSESpecification"]["SSEEnabled"] is True
    assert TABLES[table]["TimeToLiveSpecification"] == {
        "AttributeName": "expiresAt",
        "Enabled": True,
    }
    assert "PointInTimeRecoverySpecification" not in TABLES[table]


@pytest.mark.parametrize("table", TABLES.keys() - CONVERSATIONS - {SETTINGS.idempotency_table})
def test_tables_are_encrypted_and_can_be_restored(table):
    recovery = TABLES[table]["PointInTimeRecoverySpecification"]

    assert recovery == {"PointInTimeRecoveryEnabled": True}
    assert TABLES[table]["SSESpecification"]["SSEEnabled"] is True


@pytest.mark.parametrize("bucket", BUCKETS)
def test_buckets_are_encrypted_versioned_and_private(bucket):
    properties = BUCKETS[bucket]
    (encryption,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    block = properties["PublicAccessBlockConfiguration"]

    assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert block == dict.fromkeys(
        ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
    )


@pytest.mark.parametrize("bucket", BUCKETS)
def test_incomplete_uploads_do_not_stay(bucket):
    rules = BUCKETS[bucket]["LifecycleConfiguration"]["Rules"]

    assert [r for r in rules if r["Status"] == "Enabled" and "AbortIncompleteMultipartUpload" in r]


@pytest.mark.parametrize("kind", ["AWS::DynamoDB::Table", "AWS::S3::Bucket"])
def test_tenants_data_outlives_the_stack(kind):
    for name, resource in RESOURCES.items():
        if resource["Type"] == kind and name != "IdempotencyTable":  # kept for a day anyway
            assert resource["DeletionPolicy"] == "Retain", name
            assert resource["UpdateReplacePolicy"] == "Retain", name


def test_each_role_serves_one_service_of_this_account():
    services = {}
    for name, role in ROLES.items():
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        services[name] = statement["Principal"]["Service"]
        assert statement["Condition"]["StringEquals"] == {
            "aws:SourceAccount": {"Ref": "AWS::AccountId"}
        }
        assert "aws:SourceArn" in statement["Condition"]["ArnLike"]

    assert services == {
        "oratio-knowledge-base": "bedrock.amazonaws.com",
        "oratio-agent-runtime": "bedrock-agentcore.amazonaws.com",
    }


def test_an_agent_may_read_passages_and_nothing_of_s3_or_dynamodb():
    actions = list_actions(ROLES["oratio-agent-runtime"])

    assert "bedrock:Retrieve" in actions
    assert {action.split(":")[0] for action in actions} == {"bedrock", "logs"}


@pytest.mark.parametrize("role", ROLES)
def test_no_role_may_do_everything_of_a_service(role):
    assert not [action for action in list_actions(ROLES[role]) if "*" in action]
