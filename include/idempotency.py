"""Idempotency keys: the first request with a key is carried out, later ones get its answer.

A claim is a lease: a request that died holding it is taken over when the lease is over. The
answer is written by the transaction that writes what it reports, on condition that the claim is
still held, so that of two requests with one key only one can ever take effect.
"""

from __future__ import annotations

import json
import time
import zlib
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from include.aws import client, error_code
from include.errors import KeyReusedError, RequestInFlightError
from include.items import get_item, read
from include.settings import get_settings

CLAIM_IS_OURS = "#owner = :owner"
# A key whose time is up is free although DynamoDB deletes it only later; so is a dead claim.
KEY_IS_FREE = (
    "attribute_not_exists(idempotencyKey) OR expiresAt < :now OR "
    "(attribute_not_exists(answer) AND leaseUntil < :now AND fingerprint = :fingerprint)"
)


@dataclass(frozen=True)
class Claim:
    """The right to answer the request with this key."""

    user_id: str
    key: str
    owner: str

    @property
    def item(self) -> dict[str, Any]:
        """Table and key, as DynamoDB calls take them."""
        key = {"userId": {"S": self.user_id}, "idempotencyKey": {"S": self.key}}
        return {"TableName": get_settings().idempotency_table, "Key": key}


@dataclass(frozen=True)
class Answer:
    """What a request was answered with."""

    body: dict[str, Any]
    status: int


def claim_key(user_id: str, key: str, fingerprint: str) -> Claim | Answer:
    """Claim a key, or return the answer that was given under it.

    :raises KeyReusedError: when its first request was another one.
    :raises RequestInFlightError: while its first request is being carried out.
    """
    claim = Claim(user_id, key, str(uuid4()))
    try:
        put_claim(claim, fingerprint)
    except ClientError as error:
        if error_code(error) != "ConditionalCheckFailedException":
            raise
        item = read(error.response["Item"])
        if item["owner"] != claim.owner:  # else boto3 tried again after a lost answer
            return read_answer(item, fingerprint)
    return claim


def has_answer(user_id: str, key: str) -> bool:
    """Whether an answer is kept under this key."""
    item = get_item(get_settings().idempotency_table, Claim(user_id, key, "").item["Key"])
    return item is not None and "answer" in item and item["expiresAt"] >= time.time()


def put_claim(claim: Claim, fingerprint: str) -> None:
    """Write the claim unless the key is taken; the error then carries what took it."""
    settings, seconds = get_settings(), int(time.time())
    item = {
        **claim.item["Key"],
        "owner": {"S": claim.owner},
        "fingerprint": {"S": fingerprint},
        "leaseUntil": {"N": str(seconds + settings.idempotency_lease_seconds)},
        "expiresAt": {"N": str(seconds + settings.idempotency_hours * 3600)},
    }
    client("dynamodb").put_item(
        TableName=settings.idempotency_table,
        Item=item,
        ConditionExpression=KEY_IS_FREE,
        ExpressionAttributeValues={
            ":now": {"N": str(seconds)},
            ":fingerprint": item["fingerprint"],
        },
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )


def read_answer(item: dict[str, Any], fingerprint: str) -> Answer:
    """The answer in a key's item, if the request is the same and has been answered."""
    if item["fingerprint"] != fingerprint:
        raise KeyReusedError("This Idempotency-Key was used for another request; take a new one.")
    if "answer" not in item:
        raise RequestInFlightError(
            "The first request with this Idempotency-Key is still being carried out. Try again."
        )
    body = zlib.decompress(item["answer"].value)
    return Answer(json.loads(body), item["status"])


def build_completion(claim: Claim | None, answer: Answer) -> list[dict[str, Any]]:
    """The write that stores the answer while the claim is held, for a transaction."""
    return [{"Update": build_answer(claim, answer)}] if claim else []


def complete(claim: Claim | None, answer: Answer) -> None:
    """Store the answer of a request that writes no records of ours."""
    if claim:
        client("dynamodb").update_item(**build_answer(claim, answer))


def build_answer(claim: Claim, answer: Answer) -> dict[str, Any]:
    """DynamoDB's arguments of that write."""
    # Compressed: a long SOP and many documents together may not fit into DynamoDB's 400 KB.
    body = zlib.compress(json.dumps(answer.body, ensure_ascii=False).encode())
    return {
        **claim.item,
        "UpdateExpression": "SET answer = :answer, #status = :status",
        "ConditionExpression": CLAIM_IS_OURS,
        "ExpressionAttributeNames": {"#owner": "owner", "#status": "status"},
        "ExpressionAttributeValues": {
            ":owner": {"S": claim.owner},
            ":answer": {"B": body},
            ":status": {"N": str(answer.status)},
        },
    }


def release(claim: Claim) -> None:
    """Free the key of a request that failed: trying again may succeed."""
    try:
        client("dynamodb").delete_item(
            **claim.item,
            ConditionExpression=f"{CLAIM_IS_OURS} AND attribute_not_exists(answer)",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":owner": {"S": claim.owner}},
        )
    except ClientError as error:
        if error_code(error) != "ConditionalCheckFailedException":
            raise
