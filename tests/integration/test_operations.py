"""Request ids, problems, logs, metrics, liveness and readiness of the intake."""

from __future__ import annotations

import io
import json
import logging
import logging.config
from collections.abc import Callable, Iterator

import pytest

from api.app import create_app
from api.health import READINESS
from include.aws import client
from include.logs import LOGGING
from tests.fakes import RETURNS

CANARY = "canary-4f1c9e"


@pytest.fixture
def alice(sign_in, no_airflow):
    return sign_in()


@pytest.fixture
def log_lines() -> Iterator[Callable[[], list[dict]]]:
    """What the process would write to its log, as gunicorn configures it."""
    stream = io.StringIO()
    handlers = {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "stream": stream}}
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    logging.config.dictConfig(LOGGING | {"handlers": handlers, "loggers": {}})
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:], root.level = before


@pytest.fixture(autouse=True)
def _look_anew() -> Iterator[None]:
    READINESS.forget()
    yield
    READINESS.forget()


# -- request ids ---------------------------------------------------------------------------------
def test_a_sane_request_id_comes_back(alice):
    headers = {**alice.headers, "X-Request-Id": "client-7.a:b"}
    answer = alice.http.get("/api/agents/none", headers=headers)
    assert answer.headers["X-Request-Id"] == answer.json["requestId"] == "client-7.a:b"


@pytest.mark.parametrize("sent", ["", "a b", "x" * 129, "é", "<script>", '"', "a;b"])
def test_any_other_request_id_is_replaced(alice, sent):
    headers = {**alice.headers, "X-Request-Id": sent}
    answer = alice.http.get("/api/agents", headers=headers)
    assert answer.headers["X-Request-Id"] not in ("", sent)


# -- problems ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("method", "path", "arguments", "status"),
    [
        ("GET", "/nowhere", {}, 404),
        ("GET", "/api/agents/none", {}, 404),
        ("PUT", "/api/agents", {}, 405),
        ("POST", "/api/agents/none/chat", {"json": {"message": "x" * 2_000_000}}, 413),
        ("GET", "/api/agents?limit=0", {}, 422),
        ("GET", "/api/agents?color=red", {}, 422),
        ("GET", "/api/agents?cursor=x", {}, 422),
        ("GET", "/api/agents?status_filter=gone", {}, 422),
    ],
)
def test_every_error_is_a_problem(alice, method, path, arguments, status):
    if status == 413:
        agent_id = alice.submit(("a.md", RETURNS)).json["agentId"]
        path = path.replace("none", agent_id)
    answer = alice.http.open(path, method=method, headers=alice.headers, **arguments)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.json.keys() >= {"type", "title", "status", "code", "detail", "requestId"}
    assert answer.json["requestId"] == answer.headers["X-Request-Id"]


def test_a_wrong_media_type_is_415(alice):
    agent_id = alice.submit(("a.md", RETURNS)).json["agentId"]
    path = f"/api/agents/{agent_id}/chat"
    answer = alice.http.post(path, data="hello", headers=alice.headers)
    assert (answer.status_code, answer.mimetype) == (415, "application/problem+json")


def test_a_405_says_what_is_allowed(alice):
    answer = alice.http.put("/api/agents", headers=alice.headers)
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_a_bug_is_a_500_without_detail(alice):
    app = create_app()
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.get("/fail")
    def fail():
        raise ValueError(CANARY)

    answer = app.test_client().get("/fail")
    assert (answer.status_code, answer.mimetype) == (500, "application/problem+json")
    assert CANARY not in answer.text
    assert answer.json["requestId"]


# -- logs ----------------------------------------------------------------------------------------
def test_each_request_is_one_line(alice, log_lines):
    answer = alice.submit(("a.md", RETURNS))
    (line,) = [line for line in log_lines() if line["event"] == "request"]
    assert line["agent_id"] == answer.json["agentId"]
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert (line["user_id"], line["route"], line["status"], line["method"]) == (
        alice.user_id,
        "/api/agents",
        201,
        "POST",
    )
    assert line["duration_ms"] > 0


def test_no_token_sop_or_content_is_logged(alice, log_lines):
    logging.getLogger().setLevel(logging.DEBUG)
    for name in ("botocore", "urllib3", "boto3", "s3transfer"):
        logging.getLogger(name).setLevel(logging.WARNING)  # as LOGGING has it
    sop = f"Answer from the documents. {CANARY}"
    agent_id = alice.submit((f"{CANARY}.md", CANARY.encode()), sop=sop).json["agentId"]
    alice.submit(("a.md", b"x"), sop=CANARY[:5], agentName=CANARY)
    alice.submit(("a.md", b"x"), voiceConfig=f'{{"{CANARY}"')
    alice.ask(agent_id, CANARY)
    alice.get(f"/api/agents?cursor={CANARY}")
    alice.http.get("/api/agents", headers={"Authorization": f"Bearer {CANARY}"})
    text = json.dumps(log_lines())
    assert text.count('"request"') >= 6
    assert CANARY not in text
    assert alice.headers["Authorization"].removeprefix("Bearer ") not in text


def test_an_exception_is_logged_without_its_message(alice, log_lines):
    app = create_app()
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.get("/fail")
    def fail():
        raise ValueError(CANARY)

    app.test_client().get("/fail")
    (line,) = [line for line in log_lines() if "exception" in line]
    assert line["exception"] == "ValueError"
    assert any("fail" in frame for frame in line["trace"])
    assert CANARY not in json.dumps(log_lines())


def test_probes_are_not_logged(alice, log_lines):
    for path in ("/livez", "/readyz", "/health", "/metrics"):
        alice.http.get(path)
    assert [line for line in log_lines() if line["event"] == "request"] == []


# -- metrics -------------------------------------------------------------------------------------
def count(text: str, *parts: str) -> float:
    lines = [
        line for line in text.splitlines() if line[:1] != "#" and all(p in line for p in parts)
    ]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def test_requests_are_counted_by_route(alice):
    wanted = ("http_requests_total", '"GET"', '"/api/agents/<agent_id>"', '"404"')
    before = count(alice.http.get("/metrics").text, *wanted)
    for number in range(3):
        alice.get(f"/api/agents/missing-{number}")
    after = alice.http.get("/metrics").text
    assert count(after, *wanted) == before + 3
    assert "missing-" not in after


def test_callers_cannot_make_labels(alice):
    alice.http.open(f"/{CANARY}", method="BREW", headers=alice.headers)
    text = alice.http.get("/metrics").text
    assert CANARY not in text
    assert "BREW" not in text
    assert count(text, 'method="other"', 'route="unmatched"') > 0


# -- liveness and readiness ----------------------------------------------------------------------
def test_alive_without_any_service():
    for path in ("/livez", "/health"):
        assert create_app().test_client().get(path).json == {"status": "ok"}


def test_ready_when_all_is_there(stand_in, airflow):
    answer = create_app().test_client().get("/readyz")
    assert (answer.status_code, answer.json["status"]) == (200, "ready")
    assert set(answer.json["checks"].values()) == {"ok"}


@pytest.mark.parametrize(
    "dag",
    [
        None,
        {"is_paused": True, "has_import_errors": False},
        {"is_paused": False, "has_import_errors": True},
    ],
)
def test_degraded_while_the_dag_would_not_run(stand_in, airflow, dag):
    airflow.dag = dag
    answer = create_app().test_client().get("/readyz")
    assert (answer.status_code, answer.json["status"]) == (200, "degraded")
    assert answer.json["checks"]["airflow"] == "failed"


def test_degraded_without_airflow(stand_in, no_airflow):
    assert create_app().test_client().get("/readyz").json["status"] == "degraded"


@pytest.mark.parametrize("name", ["AGENTS_TABLE", "KNOWLEDGE_BASES_TABLE", "KB_BUCKET"])
def test_unready_without_a_table_or_the_bucket(stand_in, airflow, configure, name):
    configure(**{name: "missing"})
    answer = create_app().test_client().get("/readyz")
    assert (answer.status_code, answer.json["status"]) == (503, "unready")


def test_unready_when_a_check_hangs(stand_in, airflow, configure, monkeypatch):
    configure(READINESS_TIMEOUT_SECONDS=0.05)
    import threading

    release = threading.Event()
    monkeypatch.setattr(client("s3"), "head_bucket", lambda **_: release.wait(10))
    assert create_app().test_client().get("/readyz").status_code == 503
    release.set()


def test_a_look_is_kept_for_some_seconds(stand_in, airflow, configure):
    configure(READINESS_CACHE_SECONDS=60)
    http = create_app().test_client()
    assert http.get("/readyz").json["status"] == "ready"
    airflow.dag = None
    assert http.get("/readyz").json["status"] == "ready"
    READINESS.forget()
    assert http.get("/readyz").json["status"] == "degraded"
