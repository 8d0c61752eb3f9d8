"""The receiver of docs/webhooks.md takes what is signed, once, and nothing else."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time

import httpx
import pytest

from include.webhooks.signing import build_headers, make_secret
from tests.fakes import ROOT

BODY = b'{"type": "ping", "data": {}}'


@pytest.fixture
def receiver(tmp_path):
    """Address, secret and process of the page's receiver."""
    page = (ROOT / "docs" / "webhooks.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    file = tmp_path / "receiver.py"
    file.write_text(code)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    secret = make_secret()
    environment = os.environ | {"WEBHOOK_SECRET": secret, "PORT": str(port)}
    command = [sys.executable, "-u", str(file)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    wait_for(port, process)
    yield f"http://127.0.0.1:{port}/", secret, process
    process.terminate()
    process.wait(20)


def wait_for(port, process):
    for _ in range(300):
        assert process.poll() is None
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(port)


def test_the_example_takes_each_event_once_and_no_forgery(receiver):
    url, secret, process = receiver
    headers = build_headers(secret, "msg_1", BODY)
    forged = build_headers(make_secret(), "msg_2", BODY)
    old = headers | {"webhook-timestamp": "1600000000"}
    statuses = [
        httpx.post(url, content=body, headers=sent).status_code
        for sent, body in [(headers, BODY), (headers, BODY), (headers, b"{}"), (forged, BODY)]
    ]
    assert statuses == [204, 204, 401, 401]
    assert httpx.post(url, content=BODY, headers=old).status_code == 401
    process.terminate()
    assert process.stdout.read() == f"{BODY.decode()}\n"
