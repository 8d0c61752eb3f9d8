"""Writes that take effect only while an agent is at the generation of the run that writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from include.aws import client, error_code
from include.errors import StaleGenerationError
from include.models import AgentRef
from include.settings import get_settings
from include.transactions import write_transaction

FENCE_ERROR = "ConditionalCheckFailed"
GENERATION_IS_OURS = "attribute_exists(agentId) AND #fence = :fence"


def write_fenced(
    ref: AgentRef, update: dict[str, Any], more: list[dict[str, Any]], **options: Any
) -> dict[str, Any] | None:
    """Update an agent, in one transaction with `more` if there is any.

    Returns DynamoDB's answer, which a transaction does not have.

    :raises StaleGenerationError: when the generation is no longer current.
    """
    fence(update, ref)
    with fenced(ref):
        if more:
            write_transaction([{"Update": {**agent_key(ref), **update}}, *more])
            return None
        answer: dict[str, Any] = client("dynamodb").update_item(
            **agent_key(ref), **update, **options
        )
        return answer


@contextmanager
def fenced(ref: AgentRef) -> Iterator[None]:
    """Turn a write refused for its generation into StaleGenerationError."""
    try:
        yield
    except ClientError as error:
        if is_fence_error(error):
            raise stale(ref) from error
        raise


def is_fence_error(error: ClientError) -> bool:
    """Whether a condition was not met; a transaction is also canceled for passing conflicts."""
    reasons = error.response.get("CancellationReasons", [])
    codes = [error_code(error).removesuffix("Exception"), *(r.get("Code") for r in reasons)]
    return FENCE_ERROR in codes


def stale(ref: AgentRef) -> StaleGenerationError:
    """The error for a run whose agent has moved on."""
    return StaleGenerationError(
        f"Agent {ref.agent_id} is no longer at generation {ref.generation}; this run stops."
    )


def agent_key(ref: AgentRef) -> dict[str, Any]:
    """Table and key of an agent, as DynamoDB calls take them."""
    key = {"userId": {"S": ref.user_id}, "agentId": {"S": ref.agent_id}}
    return {"TableName": get_settings().agents_table, "Key": key}


def fence(update: dict[str, Any], ref: AgentRef) -> None:
    """Make a write conditional on the agent's generation."""
    update["ConditionExpression"] = GENERATION_IS_OURS
    update["ExpressionAttributeNames"]["#fence"] = "generation"
    update["ExpressionAttributeValues"][":fence"] = {"N": str(ref.generation)}
