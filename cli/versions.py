"""`oratio update`, `rollback` and `versions`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.agents import AgentId, agent_path
from cli.api import Api, open_api
from cli.create import read_sop
from cli.output import build_table, print_result, to_text
from cli.settings import Settings
from cli.watch import follow

Watch = Annotated[bool, typer.Option("--watch", help="Follow it to its end.")]


def update_agent(
    context: typer.Context,
    agent_id: AgentId,
    sop: Annotated[Path | None, typer.Option(metavar="FILE", help="A new SOP.")] = None,
    name: Annotated[str | None, typer.Option(help="A new name.")] = None,
    knowledge: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What its documents are for now.")
    ] = None,
    handoff: Annotated[
        str | None, typer.Option(metavar="TEXT", help="When it hands over to a person now.")
    ] = None,
    watch: Watch = False,
) -> None:
    """Bring an agent up to these changes, and to those made before; it serves meanwhile."""
    fields = {
        "sop": read_sop(sop) if sop else None,
        "agentName": name,
        "knowledgeBaseDescription": knowledge,
        "humanHandoffDescription": handoff,
    }
    changes = {field: value for field, value in fields.items() if value is not None}
    with open_api(context.obj) as api:
        if changes:
            api.patch(agent_path(agent_id), changes)
        start(api, context.obj, agent_id, "update", {}, watch)


def roll_back(
    context: typer.Context,
    agent_id: AgentId,
    version: Annotated[
        str | None, typer.Option(help="See `oratio versions`; else the one before.")
    ] = None,
    watch: Watch = False,
) -> None:
    """Let an earlier version of an agent serve again; its documents stay as they are."""
    body = {"version": version} if version else {}
    with open_api(context.obj) as api:
        start(api, context.obj, agent_id, "rollback", {"json": body}, watch)


def start(
    api: Api, settings: Settings, agent_id: str, verb: str, content: dict[str, Any], watch: bool
) -> None:
    """POST one of the verbs that start a run, and follow it if asked to."""
    agent = api.post(f"{agent_path(agent_id)}:{verb}", **content)
    if watch:
        follow(api, agent_id, settings.as_json)
    else:
        view = to_text(f"{agent_id}: {verb} started; `oratio watch` follows it.")
        print_result(agent, view, settings.as_json)


def list_versions(context: typer.Context, agent_id: AgentId) -> None:
    """List the versions of an agent that have served, newest first."""
    with open_api(context.obj) as api:
        versions = api.get(f"{agent_path(agent_id)}/versions")
    rows = [
        [each["version"], to_text("serving", "green") if each["isServing"] else "",
         each["createdAt"], each["sopSha256"][:12], each["codeSha256"][:12]]
        for each in versions
    ]  # fmt: skip
    view = build_table(["VERSION", "", "CREATED", "SOP", "CODE"], rows)
    print_result(versions, view, context.obj.as_json)
