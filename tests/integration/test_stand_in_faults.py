"""Faults on demand, as AWS's own client meets them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from include.aws import client

pytestmark = pytest.mark.filterwarnings("ignore:Exception.FaultError.")

TABLE = "oratio-agents"
BUCKET = "oratio-knowledge-bases"
ITEM = {"userId": {"S": "u"}, "agentId": {"S": "a"}}
CONFIGURATION: dict[str, Any] = {
    "type": "MANAGED",
    "managedKnowledgeBaseConfiguration": {},
}


@pytest.fixture
def aws(stand_in_url: str) -> Callable[..., Any]:
    """A client that does not try again: it shows what AWS answered."""

    def make(service: str, **options: Any) -> Any:
        config = Config(retries={"total_max_attempts": 1}, **options)
        return boto3.client(service, endpoint_url=stand_in_url, config=config)

    return make


def create_managed(bedrock: Any, name: str) -> dict[str, Any]:
    return bedrock.create_knowledge_base(
        name=name,
        clientToken=str(uuid4()),
        roleArn="arn:aws:iam::123456789012:role/oratio-knowledge-base",
        knowledgeBaseConfiguration=CONFIGURATION,
    )["knowledgeBase"]


def is_refused(sts: Any) -> bool:
    try:
        sts.get_caller_identity()
    except ClientError:
        return True
    return False


CALLS: dict[str, Callable[[Callable[..., Any]], Any]] = {
    "rest-json": lambda aws: create_managed(aws("bedrock-agent"), f"n-{uuid4().hex}"),
    "agentcore": lambda aws: aws("bedrock-agentcore-control").create_agent_runtime_endpoint(
        agentRuntimeId="oratio_a-0123456789", name="production"
    ),
    "s3vectors": lambda aws: aws("s3vectors").create_vector_bucket(vectorBucketName="vectors"),
    "json": lambda aws: aws("dynamodb").put_item(TableName=TABLE, Item=ITEM),
    "transaction": lambda aws: aws("dynamodb").transact_write_items(
        TransactItems=[{"Put": {"TableName": TABLE, "Item": ITEM}}] * 2
    ),
    "rest-xml": lambda aws: aws("s3").put_object(Bucket=BUCKET, Key="k", Body=b"x" * 100_000),
    "query": lambda aws: aws("cloudformation").describe_stacks(),
}

ERRORS = [
    ("rest-json", "throttle", {}, "ThrottlingException", 429),
    ("rest-json", "server_error", {}, "InternalServerException", 500),
    ("rest-json", "server_error", {"status": 503}, "ServiceUnavailableException", 503),
    ("rest-json", "conflict", {}, "ConflictException", 409),
    ("rest-json", "access_denied", {}, "AccessDeniedException", 403),
    ("rest-json", "quota", {}, "ServiceQuotaExceededException", 402),
    ("agentcore", "throttle", {}, "ThrottlingException", 429),
    ("agentcore", "quota", {}, "ServiceQuotaExceededException", 402),
    ("s3vectors", "throttle", {}, "TooManyRequestsException", 429),
    ("json", "throttle", {}, "ThrottlingException", 400),
    ("json", "server_error", {}, "InternalServerError", 500),
    ("json", "server_error", {"status": 503}, "ServiceUnavailable", 503),
    ("json", "conflict", {}, "TransactionConflictException", 400),
    ("json", "access_denied", {}, "AccessDeniedException", 400),
    ("transaction", "conflict", {}, "TransactionCanceledException", 400),
    ("rest-xml", "throttle", {}, "SlowDown", 503),
    ("rest-xml", "server_error", {}, "InternalError", 500),
    ("rest-xml", "server_error", {"status": 503}, "ServiceUnavailable", 503),
    ("rest-xml", "access_denied", {}, "AccessDenied", 403),
    ("rest-xml", "conflict", {}, "OperationAborted", 409),
    ("query", "throttle", {}, "Throttling", 400),
    ("query", "server_error", {}, "InternalFailure", 500),
    ("query", "access_denied", {}, "AccessDenied", 403),
]


@pytest.mark.parametrize(("call", "kind", "more", "code", "status"), ERRORS)
def test_errors_are_those_of_the_service(faults, aws, call, kind, more, code, status) -> None:
    faults.put({"kind": kind, **more})
    with pytest.raises(ClientError) as caught:
        CALLS[call](aws)
    answer = caught.value.response
    assert answer["Error"]["Code"] == code
    assert answer["Error"]["Message"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == status


def test_an_error_leaves_nothing_behind(faults, aws) -> None:
    faults.put({"kind": "throttle", "service": "dynamodb", "operation": "PutItem", "count": 1})
    with pytest.raises(ClientError):
        CALLS["json"](aws)
    assert aws("dynamodb").scan(TableName=TABLE)["Items"] == []
    CALLS["json"](aws)
    assert aws("dynamodb").scan(TableName=TABLE)["Items"] == [ITEM]


def test_a_canceled_transaction_has_a_reason_for_each_item(faults, aws) -> None:
    faults.put({"kind": "conflict"})
    with pytest.raises(ClientError) as caught:
        CALLS["transaction"](aws)
    reasons = caught.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["TransactionConflict", "None"]


def test_the_products_client_tries_again_what_may_pass(faults) -> None:
    faults.put({"kind": "throttle", "count": 2})
    client("dynamodb").put_item(TableName=TABLE, Item=ITEM)
    assert faults.state()["rules"][0]["fired"] == 2


@pytest.mark.parametrize(
    ("rule", "is_met"),
    [
        ({"service": "dynamodb"}, True),
        ({"service": "bedrock*"}, False),
        ({"operation": "*Item"}, True),
        ({"operation": "Get*"}, False),
        ({"match": '"S": "a"'}, True),
        ({"match": "somebody else"}, False),
        ({"probability": 0}, False),
    ],
)
def test_a_rule_meets_only_the_calls_it_names(faults, aws, rule, is_met) -> None:
    faults.put({"kind": "access_denied", **rule})
    if is_met:
        with pytest.raises(ClientError):
            CALLS["json"](aws)
    else:
        CALLS["json"](aws)


def test_an_id_is_found_in_agentcores_names_too(faults, aws) -> None:
    agent_id = str(uuid4())
    faults.put({"kind": "quota", "match": agent_id})
    control = aws("bedrock-agentcore-control")
    with pytest.raises(ClientError) as caught:
        control.create_agent_runtime_endpoint(
            agentRuntimeId=f"oratio_{agent_id.replace('-', '')}-0123456789", name="production"
        )
    assert caught.value.response["Error"]["Code"] == "ServiceQuotaExceededException"


@pytest.mark.parametrize("kind", ["conflict", "quota"])
def test_no_call_gets_an_error_it_cannot_get(faults, aws, kind: str) -> None:
    faults.put({"kind": kind})
    assert aws("bedrock-agent").list_knowledge_bases()["knowledgeBaseSummaries"] == []
    assert faults.state()["rules"][0]["fired"] == 0


def test_the_same_seed_throws_the_same_dice(faults, aws) -> None:
    def throw() -> list[bool]:
        faults.put({"kind": "throttle", "probability": 0.5}, seed=7)
        return [is_refused(aws("sts")) for _ in range(20)]

    first = throw()
    assert throw() == first
    assert set(first) == {True, False}


@pytest.mark.parametrize("call", ["rest-json", "json", "rest-xml"])
def test_a_success_nobody_hears_of(faults, aws, call: str) -> None:
    faults.put({"kind": "timeout_after_success"})
    with pytest.raises(ConnectionClosedError):
        CALLS[call](aws)
    faults.clear()
    found = {
        "rest-json": lambda: aws("bedrock-agent").list_knowledge_bases()["knowledgeBaseSummaries"],
        "json": lambda: aws("dynamodb").scan(TableName=TABLE)["Items"],
        "rest-xml": lambda: aws("s3").list_objects_v2(Bucket=BUCKET)["Contents"],
    }
    assert len(found[call]()) == 1


def test_a_success_can_time_out_at_the_client(faults, aws) -> None:
    faults.put({"kind": "timeout_after_success", "seconds": 30})
    with pytest.raises(ReadTimeoutError):
        aws("dynamodb", read_timeout=0.5).put_item(TableName=TABLE, Item=ITEM)
    faults.clear()
    assert aws("dynamodb").scan(TableName=TABLE)["Items"] == [ITEM]


def test_slow_is_slow_and_right(faults, aws) -> None:
    faults.put({"kind": "slow", "seconds": 30, "count": 1})
    with pytest.raises(ReadTimeoutError):
        aws("dynamodb", read_timeout=0.5).put_item(TableName=TABLE, Item=ITEM)
    faults.put({"kind": "slow", "seconds": 0.01, "when": "after"})
    CALLS["json"](aws)
    assert faults.state()["rules"][0]["fired"] == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_held_call_goes_on_when_released(faults, aws, when: str) -> None:
    faults.put({"kind": "hold", "operation": "PutItem", "when": when})
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(CALLS["json"], aws)
        faults.wait_until_held(1)
        is_there = aws("dynamodb").scan(TableName=TABLE)["Items"] == [ITEM]
        assert is_there is (when == "after")
        faults.clear()
        assert call.result(30)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert aws("dynamodb").scan(TableName=TABLE)["Items"] == [ITEM]


def test_a_held_call_is_not_done_once_its_client_has_gone(faults, aws) -> None:
    faults.put({"kind": "hold", "operation": "PutObject"})
    with pytest.raises(ReadTimeoutError):
        aws("s3", read_timeout=0.5).put_object(Bucket=BUCKET, Key="k", Body=b"x" * 100_000)
    faults.wait_until_held(0)
    faults.clear()
    assert "Contents" not in aws("s3").list_objects_v2(Bucket=BUCKET)


def test_another_plan_releases_what_the_first_one_held(faults, aws) -> None:
    faults.put({"kind": "hold", "operation": "PutItem"})
    call = threading.Thread(target=CALLS["json"], args=(aws,))
    call.start()
    faults.wait_until_held(1)
    faults.put()
    call.join(30)
    assert not call.is_alive()


@pytest.mark.parametrize(
    "plan", ['{"rules": [{"kind": "flood"}]}', '{"rule": []}', "[", '{"outcomes": [{}]}']
)
def test_a_plan_that_is_wrong_is_refused(faults, plan: str) -> None:
    faults.put({"kind": "throttle", "service": "nothing"})
    assert requests.put(f"{faults.url}/faults", data=plan, timeout=10).status_code == 400
    assert [rule["kind"] for rule in faults.state()["rules"]] == ["throttle"]


def test_there_is_nothing_else_there(faults) -> None:
    assert requests.get(f"{faults.url}/secrets", timeout=10).status_code == 404
    assert requests.delete(f"{faults.url}/ledger", timeout=10).status_code == 404


def test_a_bucket_of_that_name_is_a_bucket(faults, aws) -> None:
    aws("s3").create_bucket(Bucket="stand-in")
    aws("s3").put_object(Bucket="stand-in", Key="faults", Body=b"x")
    assert aws("s3").get_object(Bucket="stand-in", Key="faults")["Body"].read() == b"x"


def test_presigned_addresses_meet_faults_too(faults, aws) -> None:
    faults.put({"kind": "access_denied", "service": "s3", "operation": "GetObject"})
    config = Config(signature_version="s3v4")
    s3 = boto3.client("s3", endpoint_url=aws("s3").meta.endpoint_url, config=config)
    address = s3.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "k"})
    answer = requests.get(address, timeout=10)
    assert (answer.status_code, "AccessDenied" in answer.text) == (403, True)
