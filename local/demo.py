"""`make demo`: an agent from samples/, watched while it is made, then asked three questions."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.live import Live
from rich.table import Table

from local.secrets import load_secrets
from local.settings import ROOT, StackSettings, get_stack_settings
from local.stack import StackNotReadyError, print_addresses, up
from local.tokens import make_token

SAMPLES = ROOT / "samples"
USER = "demo"
STEPS = (
    "ensure_knowledge_base",
    "ingest_documents",
    "generate_code",
    "deploy_runtime",
    "verify_agent",
    "activate",
)
MARKS = {"running": "…", "waiting": "⏳", "succeeded": "✓", "failed": "✗"}
READY_SECONDS = 180.0
POLL_SECONDS = 0.25
QUESTIONS = 3

console = Console()


class DemoError(Exception):
    """The demo cannot go on; the message says why."""


def open_api(stack: StackSettings) -> httpx.Client:
    """The intake API with the demo user's token."""
    token = make_token(USER, load_secrets(stack.var).jwt_secret)
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=stack.api_url, headers=headers, timeout=60)


def submit(api: httpx.Client) -> dict[str, Any]:
    """POST the sample SOP and documents; returns the new agent."""
    form = json.loads((SAMPLES / "agent.json").read_text())
    fields = {name: v if isinstance(v, str) else json.dumps(v) for name, v in form.items()}
    fields["sop"] = (SAMPLES / "sop.md").read_text()
    folder = SAMPLES / "documents"
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    with ExitStack() as open_files:
        files = [
            ("files", (str(path.relative_to(folder)), open_files.enter_context(path.open("rb"))))
            for path in paths
        ]
        answer = api.post("/api/agents", data=fields, files=files)
    return read(answer)


def read(answer: httpx.Response) -> dict[str, Any]:
    """The JSON body of a successful answer.

    :raises DemoError: with the problem's own words otherwise.
    """
    if not answer.is_success:
        raise DemoError(f"{answer.request.url}: HTTP {answer.status_code} {answer.text}")
    body: dict[str, Any] = answer.json()
    return body


def watch(api: httpx.Client, agent_id: str) -> dict[str, Any]:
    """Show each step as it goes; returns the agent once it is no longer `creating`."""
    with Live(console=console, refresh_per_second=8) as live:
        for agent in poll(api, agent_id):
            live.update(render_steps(agent))
    if agent["status"] != "active":
        failure = agent["failure"] or {"message": "it is still creating; see the Airflow UI"}
        raise DemoError(f"Agent {agent_id} is {agent['status']}: {failure['message']}")
    return agent


def poll(
    api: httpx.Client, agent_id: str, pause_seconds: float = POLL_SECONDS
) -> Iterator[dict[str, Any]]:
    """The agent's state, again and again until it is final or the time is up."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        agent = read(api.get(f"/api/agents/{agent_id}"))
        yield agent
        # The last step is recorded as ended just after it has made the agent active.
        is_running = any(step["status"] == "running" for step in agent["steps"].values())
        if (agent["status"] != "creating" and not is_running) or time.monotonic() > deadline:
            return
        time.sleep(pause_seconds)


def render_steps(agent: dict[str, Any]) -> Table:
    """The steps as a table."""
    table = Table(title=f"{agent['agentName']}: {agent['status']}", title_justify="left")
    table.add_column("step")
    table.add_column("state")
    table.add_column("seconds", justify="right")
    for name in STEPS:
        step = agent["steps"].get(name, {"status": "", "endedAt": None, "startedAt": None})
        seconds = f"{step_seconds(step):.1f}" if step["endedAt"] else ""
        table.add_row(name, f"{MARKS.get(step['status'], ' ')} {step['status']}", seconds)
    return table


def step_seconds(step: dict[str, Any]) -> float:
    """How long a finished step took, waits included."""
    return seconds_between(step["startedAt"], step["endedAt"])


def seconds_between(start: str, end: str) -> float:
    """Seconds between two of the API's timestamps."""
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def ask(api: httpx.Client, agent_id: str, sample: dict[str, str]) -> dict[str, Any]:
    """Ask one question and print the answer with the document it came from."""
    body = {"message": sample["question"]}
    answer = read(api.post(f"/api/agents/{agent_id}/chat", json=body))
    cited = [citation["document"] for citation in answer["citations"]]
    is_right = sample["document"] in cited and sample["expect"] in answer["answer"]
    console.print(f"\n[bold]{sample['question']}[/bold]")
    console.print(answer["answer"], markup=False)
    console.print(f"[dim]from {', '.join(cited) or 'no document'}[/dim]")
    return {
        "question": sample["question"],
        "expectedDocument": sample["document"],
        "answer": answer["answer"],
        "citations": answer["citations"],
        "isRight": is_right,
    }


def make_key(api: httpx.Client, agent_id: str) -> str:
    """A key for the agent's customers, valid for a day."""
    expires_at = datetime.now(UTC) + timedelta(days=1)
    body = {"name": "Demo", "expiresAt": expires_at.isoformat()}
    key: str = read(api.post(f"/api/agents/{agent_id}/keys", json=body))["key"]
    return key


def write_report(path: Path, agent: dict[str, Any], answers: list[dict[str, Any]]) -> None:
    """Write var/demo.json."""
    steps = {name: round(step_seconds(step), 3) for name, step in agent["steps"].items()}
    ended_at = max(step["endedAt"] for step in agent["steps"].values())
    report = {
        "agentId": agent["agentId"],
        "status": agent["status"],
        "secondsPerStep": {name: steps[name] for name in STEPS if name in steps},
        "secondsInAll": round(seconds_between(agent["createdAt"], ended_at), 3),
        "answers": answers,
    }
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")


def run(stack: StackSettings) -> None:
    """The whole demo.

    :raises DemoError: when the agent is not made or an answer quotes the wrong document.
    """
    up(stack)
    with open_api(stack) as api:
        agent = submit(api)
        console.print(f"Submitted agent {agent['agentId']} as user {USER!r}.")
        agent = watch(api, agent["agentId"])
        samples = json.loads((SAMPLES / "questions.json").read_text())[:QUESTIONS]
        answers = [ask(api, agent["agentId"], sample) for sample in samples]
        key = make_key(api, agent["agentId"])
    write_report(stack.var / "demo.json", agent, answers)
    console.print("\nAny OpenAI client can ask it, too, with this base URL and key:")
    print(f"OPENAI_BASE_URL={stack.gateway_url}/agents/{agent['agentId']}/v1")
    print(f"OPENAI_API_KEY={key}")
    console.print("\nWhere to look next:")
    print_addresses(stack)
    console.print(f"Report       {stack.var}/demo.json")
    if wrong := [answer["question"] for answer in answers if not answer["isRight"]]:
        raise DemoError(f"Answered from the wrong document: {'; '.join(wrong)}")


if __name__ == "__main__":
    try:
        run(get_stack_settings())
    except (DemoError, StackNotReadyError, httpx.HTTPError) as error:
        sys.exit(f"demo: {error}")
