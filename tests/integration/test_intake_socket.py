"""The intake under gunicorn, byte by byte: what a test client is too polite to send."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from include import documents, lists
from include.aws import client
from include.models import AgentRef
from tests.fakes import FORM, list_keys
from tests.raw_http import FIELDS, FILE, USER, WHOLE, encode, post, serve_intake


@pytest.fixture(scope="module")
def port(stand_in_url):
    with serve_intake(stand_in_url) as port:
        yield port


def require_refused(answer) -> dict:
    status, kind, problem = answer
    assert 400 <= status < 500
    assert kind == "application/problem+json"
    assert problem["status"] == status
    assert list_keys("oratio-knowledge-bases", f"{USER}/") == []
    assert lists.list_agents(USER).entries == []
    return problem


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (WHOLE, "multipart/form-data"),
        (WHOLE, "multipart/form-data; boundary="),
        (WHOLE, "multipart/form-data; boundary=other"),
        (b"", None),
        (b"\r\n", None),
        (WHOLE[: len(WHOLE) // 2], None),
        (WHOLE[:-6], None),
        (b"--frontier\r\nno headers at all", None),
        (encode(*FIELDS, FILE, ("nothing", b"x")), None),
    ],
)
def test_malformed_bodies_are_called_that(stand_in, port, body, kind):
    problem = require_refused(post(port, body, kind))
    assert problem["status"] == 400
    assert "malformed" in problem["detail"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (WHOLE, "application/x-www-form-urlencoded"),
        (json.dumps(FORM).encode(), "application/json"),
    ],
)
def test_bodies_of_another_form(stand_in, port, body, kind):
    assert require_refused(post(port, body, kind))["errors"]


def test_the_whole_form_is_taken(stand_in, port):
    """What the other tests cut and twist is good when left alone."""
    status, _, agent = post(port, WHOLE)
    assert status == 201
    documents.delete_documents(AgentRef(USER, agent["agentId"], 1))
    key = {"userId": {"S": USER}, "agentId": {"S": agent["agentId"]}}
    client("dynamodb").delete_item(TableName="oratio-agents", Key=key)


def test_a_connection_that_breaks_off(stand_in, port):
    require_refused(post(port, WHOLE[: len(WHOLE) // 2], length=len(WHOLE)))


@pytest.mark.parametrize(
    "disposition",
    [
        'filename="..\\a.md"',
        'filename="docs\\a.md"',
        'filename="docs\\\\a.md"',
        "filename*=UTF-8''..%2Fa.md",
        "filename*=UTF-8''docs%5Ca.md",
        "filename*=UTF-8''a%00.md",
        'filename="a.md\x00.md"',
        'filename="/etc/a.md"',
        'filename=""',
    ],
)
def test_names_in_every_spelling(stand_in, port, disposition):
    body = encode(*FIELDS, (f'name="files"; {disposition}', b"x"))
    problem = require_refused(post(port, body))
    assert problem["errors"][0]["field"] == "files"


def test_a_form_with_endless_parts(stand_in, port):
    parts = [(f'name="x{number}"', b"") for number in range(2_000)]
    assert require_refused(post(port, encode(*FIELDS, *parts)))["status"] == 413


def test_callers_do_not_wait_for_each_other(stand_in, port):
    """A slow upload holds one thread, not the server."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as slow:
        slow.sendall(b"POST /api/agents HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nslow")
        done = threading.Event()

        def ask() -> None:
            require_refused(post(port, b""))
            done.set()

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join(timeout=60)
        assert done.is_set()
