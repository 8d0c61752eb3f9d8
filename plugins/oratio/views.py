"""The operators' pages inside Airflow: all agents, one agent, a runbook entry.

Airflow mounts this application as it is, without asking who calls: the dependency below does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.models.dagrun import DagRun
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import select

from include import records
from include.console import build_knowledge_base_url, build_runtime_url
from include.models import Agent, KnowledgeBase
from oratio.links import build_view_url
from oratio.runbook import read_runbook

SHOWN_RUNS = 50
SHOWN_EVENTS = 50
# Who may change a run of the pipeline; readers of the UI may not.
OPERATORS = requires_access_dag("PUT", DagAccessEntity.RUN, param_dag_id="create_agent")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}

# Tenants wrote much of what is shown: everything is escaped.
pages = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
)
pages.globals["link"] = build_view_url
app = FastAPI(dependencies=[Depends(OPERATORS)], docs_url=None, redoc_url=None, openapi_url=None)


def show(name: str, **values: Any) -> HTMLResponse:
    """A page."""
    return HTMLResponse(pages.get_template(name).render(**values), headers=HEADERS)


@app.get("/")
def list_agents(session: SessionDep) -> HTMLResponse:
    """The agents of the latest runs, one line each."""
    latest = select(DagRun).order_by(DagRun.run_after.desc()).limit(SHOWN_RUNS * 4)
    agents: dict[str, Agent | None] = {}
    for run in session.scalars(latest):
        conf = run.conf or {}
        if "agent_id" in conf and len(agents) < SHOWN_RUNS and conf["agent_id"] not in agents:
            agents[conf["agent_id"]] = records.find_agent(conf["user_id"], conf["agent_id"])
    return show("agents.html", agents=[agent for agent in agents.values() if agent])


@app.get("/agents/{user_id}/{agent_id}")
def show_agent(user_id: str, agent_id: str, session: SessionDep) -> HTMLResponse:
    """Status, steps, failure, versions and runs of one agent."""
    agent, knowledge_base = read_agent(user_id, agent_id)
    runs = select(DagRun).where(DagRun.run_id.contains(agent_id, autoescape=True))
    return show(
        "agent.html",
        agent=agent,
        base=knowledge_base,
        steps=sorted(agent.steps.items(), key=lambda item: item[1].started_at),
        events=agent.events[: -SHOWN_EVENTS - 1 : -1],
        has_entry=bool(agent.failure and agent.failure.code in read_runbook()),
        runs=list(session.scalars(runs.order_by(DagRun.run_after.desc()))),
        knowledge_base_url=build_knowledge_base_url(knowledge_base),
        runtime_url=build_runtime_url(agent),
    )


@app.get("/runs/{dag_id}/{run_id}/{target}")
def follow_link(dag_id: str, run_id: str, target: str, session: SessionDep) -> RedirectResponse:
    """Send the reader of a task on to what the task's run is about."""
    query = select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
    run = session.scalar(query)
    conf = (run.conf if run else None) or {}
    agent, knowledge_base = read_agent(conf.get("user_id", ""), conf.get("agent_id", ""))
    page = build_view_url(f"/agents/{agent.user_id}/{agent.agent_id}")
    urls = {
        "agent": page,
        "knowledge-base": build_knowledge_base_url(knowledge_base),
        "runtime": build_runtime_url(agent),
    }
    return RedirectResponse(urls.get(target) or page, status_code=303)


@app.get("/runbook/{code}")
def show_runbook(code: str) -> HTMLResponse:
    """What to do about a failure."""
    if code not in read_runbook():
        raise HTTPException(404, f"The runbook has no entry {code!r}.")
    return show("runbook.html", code=code, text=read_runbook()[code])


def read_agent(user_id: str, agent_id: str) -> tuple[Agent, KnowledgeBase]:
    """An agent, even one its tenant has deleted, and its knowledge base."""
    agent = records.find_agent(user_id, agent_id) if user_id and agent_id else None
    if agent is None:
        raise HTTPException(404, "There is no such agent.")
    return agent, records.get_knowledge_base(agent.knowledge_base_id)
