"""The moments at which a step may be interrupted: around each call that makes something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PHASES = ("before the call", "after the call, before the record", "after the record")


@dataclass(frozen=True)
class Boundary:
    """A call of AWS's, and the text by which to know the DynamoDB write of its result, if any."""

    call: dict[str, str]
    record: str = ""


BOUNDARIES = {
    "create knowledge base": Boundary(
        {"operation": "CreateKnowledgeBase"}, "bedrockKnowledgeBaseArn"
    ),
    "create data source": Boundary({"operation": "CreateDataSource"}, "dataSourceId"),
    "start ingestion": Boundary({"operation": "StartIngestionJob"}, "ingestionJobId"),
    "upload code": Boundary(
        {"service": "s3", "operation": "PutObject", "match": "bundle.zip"}, "agentCodeSha256"
    ),
    "create runtime": Boundary({"operation": "CreateAgentRuntime"}, "agentcoreAgentId"),
    "create endpoint": Boundary({"operation": "CreateAgentRuntimeEndpoint"}),
    "ask the agent": Boundary({"operation": "InvokeAgentRuntime"}, "apiEndpoint"),
}


def build_holds(phase: str, count: int) -> list[dict[str, Any]]:
    """Rules of the stand-in that hold `count` calls at each boundary, in this phase."""
    rules = [build_hold(boundary, phase) for boundary in BOUNDARIES.values()]
    return [{"kind": "hold", "count": count, **rule} for rule in rules if rule]


def build_hold(boundary: Boundary, phase: str) -> dict[str, str]:
    """What tells the call to hold, and when; nothing where the phase does not exist."""
    if phase == "after the record":
        write = {"service": "dynamodb", "operation": "*Item*", "match": boundary.record}
        return {**write, "when": "after"} if boundary.record else {}
    return {**boundary.call, "when": "before" if phase == PHASES[0] else "after"}
