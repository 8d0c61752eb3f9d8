"""`oratio watch`: the steps of a run as they happen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import typer
from rich.console import Group
from rich.live import Live
from rich.text import Text

from cli.agents import AgentId, agent_path
from cli.api import Api, open_api
from cli.errors import CommandError, TemporaryError, UnreachableError
from cli.output import notes, print_json, print_note, to_status, to_text
from cli.steps import build_steps, describe_attempt, list_steps

POLL_SECONDS = 1.0
# So many looks in a row may fail before watching ends: a restart of the API takes less.
FAILURES_BORNE = 30


def watch(context: typer.Context, agent_id: AgentId) -> None:
    """Follow a creation, update or rollback; exit code 1 with the reason if it fails."""
    with open_api(context.obj) as api:
        follow(api, agent_id, context.obj.as_json)


def follow(api: Api, agent_id: str, as_json: bool) -> None:
    """Show the steps to the end; fails when the run did."""
    agent = watch_agent(api, agent_id)
    require_active(agent)
    require_updated(agent)
    if as_json:
        print_json(agent)


def require_updated(agent: dict[str, Any]) -> None:
    """Fail with the reason when the last update or rollback did."""
    failure = agent.get("updateFailure")
    if failure is None:
        return
    message = (
        f"{failure['pipeline']} failed in step {failure['step']}. {failure['message']} "
        f"Version {agent['version']} goes on serving."
    )
    raise CommandError(message, {"code": failure["code"], "detail": message, "agent": agent})


def is_running(agent: dict[str, Any]) -> bool:
    """Whether something is being done to the agent."""
    return agent["status"] == "creating" or agent.get("runningPipeline") is not None


def require_active(agent: dict[str, Any]) -> None:
    """Fail with the reason unless the agent is active."""
    if agent["status"] in {"active", "paused"}:
        print_note(f"{agent['agentName']} is {agent['status']}.")
        return
    failure = agent.get("failure") or {"code": agent["status"], "message": ""}
    step = f" in step {agent['failedStep']}" if agent.get("failedStep") else ""
    message = f"{agent['agentName']} is {agent['status']}{step}. {failure['message']}".strip()
    raise CommandError(message, {"code": failure["code"], "detail": message, "agent": agent})


def watch_agent(api: Api, agent_id: str) -> dict[str, Any]:
    """Show the steps until nothing more is done to the agent; returns it as it is then."""
    if notes.is_terminal:
        return show_live(poll(api, agent_id))
    return show_lines(poll(api, agent_id))


def poll(api: Api, agent_id: str) -> Iterator[dict[str, Any]]:
    """The agent, again and again until it is final; an outage on the way is borne."""
    agent = api.get(agent_path(agent_id))
    yield agent
    failures = 0
    while is_running(agent):
        time.sleep(POLL_SECONDS)
        try:
            agent = api.get(agent_path(agent_id))
        except (UnreachableError, TemporaryError) as error:
            failures += 1
            if failures > FAILURES_BORNE:
                raise
            time.sleep(getattr(error, "retry_after_seconds", 0))
        else:
            failures = 0
            yield agent


def show_live(agents: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """A table that changes in place."""
    agent: dict[str, Any] = {}
    with Live(console=notes, auto_refresh=False) as live:
        for agent in agents:
            title = Text.assemble(to_text(agent["agentName"]), ": ", to_status(agent["status"]))
            live.update(Group(title, build_steps(agent)), refresh=True)
    return agent


def show_lines(agents: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """One line for each change, as suits a log."""
    agent: dict[str, Any] = {}
    seen: set[tuple[str, str, int]] = set()
    for agent in agents:
        for name, step in list_steps(agent):
            change = (name, step["status"], step["attempt"])
            if change not in seen:
                seen.add(change)
                print_note(f"{name}: {step['status']}{describe_attempt(step)}")
    return agent
