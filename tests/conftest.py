"""What all tests share: an environment of their own, the AWS stand-in, and the intake over it."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import hypothesis
import pytest

# Before anything imports Airflow, boto3 or the stand-in: they read the environment once.
HOME = Path(tempfile.mkdtemp(prefix="oratio-tests-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)  # last: Airflow writes until the end
ROOT = Path(__file__).parents[1]
JWT_SECRET = "a secret that is only good for tests, and of sufficient length for SHA-512"
os.environ.update(
    AIRFLOW_HOME=str(HOME / "airflow"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__DAGS_FOLDER=str(ROOT / "dags"),
    AIRFLOW__CORE__PLUGINS_FOLDER=str(ROOT / "plugins"),
    AIRFLOW__CORE__UNIT_TEST_MODE="True",
    AWS_ACCESS_KEY_ID="local",
    AWS_SECRET_ACCESS_KEY="local",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_REGION="us-east-1",
    AWS_EC2_METADATA_DISABLED="true",
    AWS_CONFIG_FILE=os.devnull,
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
    NO_PROXY="127.0.0.1,localhost",
    STAND_IN_DATA_DIR=str(HOME / "aws"),
    SANDBOX_SOCKET=str(HOME / "sandbox.sock"),
    JWT_SECRET=JWT_SECRET,
    WAIT_INLINE_SECONDS="0",
    INGESTION_START_SPACING_SECONDS="0",
    RATE_LIMIT_TENANT="1000000/minute",  # tests ask more often than any tenant
    RATE_LIMIT_ADDRESS="1000000/minute",
)
for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "LOCAL_MODEL_BASE_URL", "STAND_IN_DELAYS"):
    os.environ.pop(name, None)

# A busy machine is no reason to fail; what was found once is kept in a test, not in a folder.
hypothesis.settings.register_profile("ours", deadline=None, database=None)
hypothesis.settings.load_profile("ours")

connect = socket.socket.connect


def connect_to_loopback(self: socket.socket, address: Any) -> None:
    """Connect, but never to another machine."""
    if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
        raise PermissionError(f"Tests may not reach {address}.")
    connect(self, address)


socket.socket.connect = connect_to_loopback  # type: ignore[method-assign]


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Change settings for one test: `configure(KNOWLEDGE_BASE_QUOTA=1)`."""
    from include.settings import get_settings

    def change(**variables: object) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))
        get_settings.cache_clear()

    yield change
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.fixture(scope="session")
def sandbox() -> Iterator[subprocess.Popen[bytes]]:
    """The sandbox that generated code is tried in."""
    process = start_sandbox()
    yield process
    process.terminate()
    process.wait()


@pytest.fixture(scope="session")
def stand_in_url(sandbox: subprocess.Popen[bytes]) -> Iterator[str]:
    """The AWS stand-in in a thread, with its warm parent for agents; include/ is aimed at it."""
    from include.aws import client
    from local.aws.agentcore.processes import PROCESSES
    from local.aws.server import build_server

    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = build_server(0)
    PROCESSES.warm_parent.start()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.port}"
    os.environ["AWS_ENDPOINT_URL"] = url
    client.cache_clear()
    yield url
    del os.environ["AWS_ENDPOINT_URL"]
    client.cache_clear()
    PROCESSES.stop()
    server.shutdown()
    thread.join()


def start_sandbox(**settings: str) -> subprocess.Popen[bytes]:
    """The sandbox for generated code, with these settings; returns at once, callers queue."""
    socket_path = settings.get("SANDBOX_SOCKET", os.environ["SANDBOX_SOCKET"])
    command = [sys.executable, "-m", "include.creator.sandbox.server"]
    environment = dict(os.environ) | settings
    sandbox = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    while sandbox.poll() is None and not Path(socket_path).exists():
        time.sleep(0.01)
    return sandbox


@pytest.fixture
def stand_in(stand_in_url: str) -> Iterator[Any]:
    """The stand-in with the tables and buckets of infra/template.yaml, whatever ran before."""
    from tests.fakes import StandIn

    stand_in = StandIn(stand_in_url)
    stand_in.apply_template()
    yield stand_in
    stand_in.unset_transitions()


@pytest.fixture
def empty_stand_in(stand_in: Any) -> Any:
    """The stand-in as on its first day: for tests that count what there is."""
    stand_in.reset()
    return stand_in


@pytest.fixture
def faults(empty_stand_in: Any) -> Iterator[Any]:
    """An empty stand-in whose faults the test switches on; off again afterwards."""
    from tests.steering import Steering

    steering = Steering(empty_stand_in.url)
    yield steering
    steering.clear()


@pytest.fixture
def airflow(configure: Callable[..., None]) -> Iterator[Any]:
    """A FakeAirflow at which the intake is aimed."""
    from include.dispatch import get_airflow
    from tests.fake_airflow import serve_airflow

    with serve_airflow() as airflow:
        configure(AIRFLOW_URL=airflow.url, AIRFLOW_PASSWORD="p")
        get_airflow.cache_clear()
        yield airflow
        get_airflow().http.close()
    get_airflow.cache_clear()


@pytest.fixture
def no_airflow(configure: Callable[..., None]) -> Iterator[None]:
    """Nothing listens where Airflow should be."""
    from include.dispatch import get_airflow

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        configure(AIRFLOW_URL=f"http://127.0.0.1:{unused.getsockname()[1]}")
        get_airflow.cache_clear()
        yield
    get_airflow.cache_clear()


@pytest.fixture
def sign_in(stand_in: Any) -> Callable[..., Any]:
    """The intake API as one user: `alice = sign_in("alice")`, or under a name of its own."""
    from api.app import create_app
    from local.tokens import make_token
    from tests.fakes import Caller

    def sign_in(user: str | None = None) -> Caller:
        user = user or f"user-{uuid4().hex[:8]}"
        headers = {"Authorization": f"Bearer {make_token(user, JWT_SECRET)}"}
        return Caller(create_app().test_client(), user, headers)

    return sign_in
