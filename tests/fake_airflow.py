"""An Airflow that holds the runs a test wants, and answers as the test wants."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from include.models import AgentRef
from tests.http_server import serve


@dataclass
class FakeAirflow:
    """Airflow's login and dagRuns over real HTTP; what it holds and refuses is set by the test."""

    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)
    log_ins: int = 0
    status: int | None = None  # answered to every POST of a run instead of taking it
    dag: dict[str, Any] | None = field(  # create_agent as Airflow describes it; None: not parsed
        default_factory=lambda: {"is_paused": False, "has_import_errors": False}
    )
    body: bytes | None = None  # answered to everything, as a proxy in front of Airflow would
    url: str = ""

    def expire_tokens(self) -> None:
        """Refuse all tokens given out so far."""
        self.tokens.clear()

    working: set[str] = field(default_factory=set)  # run ids of which a task is at work
    paused: set[str] = field(default_factory=set)  # DAGs
    question: dict[str, Any] | None = None  # to a person, and what was answered

    def hold_run(self, run_id: str, conf: dict[str, Any], **more: Any) -> None:
        """Have this run already."""
        self.runs[run_id] = {"dag_run_id": run_id, "conf": conf, **more}

    def state_of(self, ref: AgentRef) -> str:
        """The state of the run of one generation."""
        return str(self.runs[f"agent-{ref.agent_id}-g{ref.generation}"].get("state", "running"))

    def end_run(self, ref: AgentRef, state: str = "failed", **more: Any) -> None:
        """Let the run of one generation be over."""
        self.runs[f"agent-{ref.agent_id}-g{ref.generation}"] |= {"state": state, **more}

    def list_runs(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        """What the batch endpoint answers, oldest first."""
        text, states = wanted.get("conf_contains") or "", wanted.get("states")
        found = [
            {"dag_id": "create_agent", "state": "running", **run}
            for run in self.runs.values()
            if text in json.dumps(run["conf"])
        ]
        kept = [run for run in found if not states or run["state"] in states]
        return kept[wanted["page_offset"] :][: wanted["page_limit"]]

    def conf_of(self, ref: AgentRef) -> dict[str, Any] | None:
        """The conf of the run of one generation, if there is one."""
        run = self.runs.get(f"agent-{ref.agent_id}-g{ref.generation}")
        return run and run["conf"]

    def answer_about_runs(self, method: str, path: str, body: Any) -> Any:
        """The JSON for what the reconciler asks; None for anything else."""
        if path.endswith("/taskInstances/list"):
            at_work = self.working & set(body["dag_run_ids"])
            return {"task_instances": [{"dag_run_id": run_id} for run_id in at_work]}
        if path.endswith("/dagRuns/list"):
            return {"dag_runs": self.list_runs(body)}
        if path.endswith("/hitlDetails"):
            return self.question
        if "/dags?paused=true" in path:
            return {"dags": [{"dag_id": dag_id} for dag_id in self.paused]}
        if method == "PATCH":
            self.runs[path.rpartition("/")[2]] |= body
            return body
        return None

    def answer(self, method: str, path: str, token: str, body: Any) -> tuple[int, Any]:
        """Status and JSON for one request."""
        if path == "/auth/token":
            self.log_ins += 1
            self.tokens.append(f"token-{self.log_ins}")
            return 201, {"access_token": self.tokens[-1]}
        if token not in self.tokens:
            return 401, {"detail": "Invalid token"}
        if answer := self.answer_about_runs(method, path, body):
            return 200, answer
        if method == "GET" and path.endswith("/dags/create_agent"):
            return (200, self.dag) if self.dag else (404, {"detail": "not found"})
        if method == "GET":
            run = self.runs.get(path.rpartition("/")[2])
            return (200, run) if run else (404, {"detail": "not found"})
        if self.status:
            return self.status, {"detail": "refused"}
        if body["dag_run_id"] in self.runs:
            return 409, {"detail": "exists"}
        self.runs[body["dag_run_id"]] = body
        return 200, body


@contextmanager
def serve_airflow() -> Iterator[FakeAirflow]:
    """A FakeAirflow on a free port."""
    airflow = FakeAirflow()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            content = json.loads(self.rfile.read(length)) if length else None
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            status, answer = airflow.answer(self.command, self.path, token, content)
            body = airflow.body or json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = answer

        def log_message(self, *arguments: Any) -> None:
            pass

    with serve(Handler) as url:
        airflow.url = url
        yield airflow
