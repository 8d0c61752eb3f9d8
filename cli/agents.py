"""`oratio list`, `show`, `documents`, `retry` and `delete`."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from cli.api import open_api
from cli.errors import UsageError
from cli.output import (
    build_fields,
    build_table,
    format_bytes,
    print_result,
    stack_views,
    to_status,
    to_text,
)
from cli.steps import build_steps

AGENT_ID = re.compile(r"[A-Za-z0-9_-]+")


class Status(StrEnum):
    """Life of an agent."""

    CREATING = "creating"
    ACTIVE = "active"
    FAILED = "failed"
    PAUSED = "paused"


def check_agent_id(agent_id: str) -> str:
    """Refuse what would be another path of the API."""
    if not AGENT_ID.fullmatch(agent_id):
        raise typer.BadParameter("an id has only letters, digits and hyphens; see `oratio list`")
    return agent_id


AgentId = Annotated[
    str, typer.Argument(metavar="ID", callback=check_agent_id, help="The agent's id.")
]


def agent_path(agent_id: str) -> str:
    """Where the API has an agent."""
    return f"/api/agents/{agent_id}"


def list_agents(
    context: typer.Context,
    status: Annotated[Status | None, typer.Option(help="Only agents of this status.")] = None,
) -> None:
    """List your agents, newest first."""
    parameters = {"status_filter": status.value} if status else {}
    with open_api(context.obj) as api:
        agents = list(api.list_all("/api/agents", parameters))
    rows = [
        [agent["agentId"], to_status(agent["status"]), agent["createdAt"], agent["agentName"]]
        for agent in agents
    ]
    view = build_table(["ID", "STATUS", "CREATED", "NAME"], rows)
    print_result(agents, view, context.obj.as_json)


def show_agent(context: typer.Context, agent_id: AgentId) -> None:
    """Show one agent: state, addresses, steps."""
    with open_api(context.obj) as api:
        agent = api.get(agent_path(agent_id))
    print_result(agent, view_agent(agent), context.obj.as_json)


def view_agent(agent: dict[str, Any]) -> RenderableType:
    """What a person wants to know of an agent; --json has all of it."""
    base = agent["knowledgeBase"]
    failure, stale = agent["failure"], agent.get("updateFailure")
    fields = build_fields(
        {
            "Name": agent["agentName"],
            "Id": agent["agentId"],
            "Type": agent["agentType"],
            "Status": to_status(agent["status"]),
            "Failed in": agent["failedStep"],
            "Reason": to_text(failure["message"], "red") if failure else None,
            "Created": agent["createdAt"],
            "Version": agent.get("version"),
            "Update due": agent.get("updateRequestedAt"),
            "Not updated": to_text(stale["message"], "red") if stale else None,
            "REST": agent["apiEndpoint"],
            "WebSocket": agent["websocketUrl"],
            "Knowledge": to_status(base["status"]),
            "Documents": len(base["documents"]),
            "Reindex due": base.get("documentsChangedAt"),
        }
    )
    return stack_views(fields, build_steps(agent)) if agent["steps"] else fields


def list_documents(context: typer.Context, agent_id: AgentId) -> None:
    """List an agent's documents and what became of them."""
    with open_api(context.obj) as api:
        documents = api.get(f"{agent_path(agent_id)}/documents")
    rows = [
        [each["path"], format_bytes(each["sizeBytes"]), to_status(each["status"]), each["reason"]]
        for each in documents
    ]
    view = build_table(["PATH", "SIZE", "STATUS", "REASON"], rows)
    print_result(documents, view, context.obj.as_json)


def retry_agent(context: typer.Context, agent_id: AgentId) -> None:
    """Start the creation of a failed agent again; `oratio watch` follows it."""
    with open_api(context.obj) as api:
        agent = api.post(f"{agent_path(agent_id)}:retry")
    print_result(agent, to_text(f"{agent_id} is {agent['status']}."), context.obj.as_json)


def delete_agent(
    context: typer.Context,
    agent_id: AgentId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete an agent with its documents and everything made of them."""
    with open_api(context.obj) as api:
        if not yes:
            confirm_deletion(api.get(agent_path(agent_id)), context.obj.as_json)
        deletion = api.delete(agent_path(agent_id))
    print_result(deletion, to_text(f"{agent_id} is being deleted."), context.obj.as_json)


def confirm_deletion(agent: dict[str, Any], as_json: bool) -> None:
    """Ask the person, naming what will be gone."""
    if as_json:
        raise UsageError("With --json nobody is asked: add --yes to delete.")
    count = len(agent["knowledgeBase"]["documents"])
    name = to_text(agent["agentName"]).plain
    typer.confirm(f"Delete {name!r} and its documents ({count})?", abort=True, err=True)
