"""Which runtimes the account holds, and whose they are."""

from __future__ import annotations

from typing import Any

from include.aws import client, find
from include.models import AgentRef
from include.naming import is_tagged_for, runtime_name


def find_namesake(ref: AgentRef) -> dict[str, Any] | None:
    """Summary of the runtime that has the agent's name, whoever made it."""
    name = runtime_name(ref.agent_id)
    return next((each for each in list_runtimes() if each["agentRuntimeName"] == name), None)


def list_runtimes() -> list[dict[str, Any]]:
    """Summaries of all runtimes of the account and region."""
    pages = client("bedrock-agentcore-control").get_paginator("list_agent_runtimes").paginate()
    return [summary for page in pages for summary in page["agentRuntimes"]]


def belongs_to(summary: dict[str, Any], ref: AgentRef) -> bool:
    """Whether a runtime's tags say that it is the agent's."""
    return is_tagged_for(read_tags(summary["agentRuntimeArn"]), ref)


def read_tags(arn: str) -> dict[str, str]:
    """A runtime's tags; none when it is gone."""
    tags = find(client("bedrock-agentcore-control").list_tags_for_resource, resourceArn=arn)
    return dict(tags["tags"]) if tags else {}
