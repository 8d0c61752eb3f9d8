"""bedrock-agentcore over HTTP: InvokeAgentRuntime, passed on to the version's process."""

from __future__ import annotations

import contextlib
import http.client
import uuid
from collections.abc import Iterator
from typing import Any

from moto.core.responses import BaseResponse
from werkzeug.wsgi import ClosingIterator

from local.aws.agentcore import hosting
from local.aws.agentcore.backend import runtime_backends
from local.aws.agentcore.bundles import BundleError, BundleSource
from local.aws.agentcore.control import STATE_LOCK
from local.aws.agentcore.processes import PROCESSES, BusyError, Launch, Process
from local.aws.agentcore.runtimes import DEFAULT_ENDPOINT, Runtime, RuntimeVersion
from local.aws.agentcore.warm_parent import StartError
from local.aws.errors import (
    ResourceNotFoundException,
    RuntimeClientError,
    ThrottlingException,
    ValidationException,
)
from local.aws.validation import describe_violations, find_violations

SERVICE = "bedrock-agentcore"
SESSION_HEADER = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
CUSTOM_HEADER_PREFIX = "x-amzn-bedrock-agentcore-runtime-custom-"
ANSWER_TIMEOUT_SECONDS = 900.0  # AgentCore's limit for a synchronous request
STREAM_CHUNK_BYTES = 65536


class AgentCore(BaseResponse):
    """The data plane of AgentCore Runtime."""

    use_raw_body = True

    def __init__(self) -> None:
        super().__init__(service_name=SERVICE)
        self.automated_parameter_parsing = True

    def invoke_agent_runtime(self) -> tuple[int, dict[str, str], Any]:
        """POST /runtimes/{arn}/invocations: starts the agent if need be; streams SSE through."""
        params = dict(self.params)
        session = params.get("runtimeSessionId") or str(uuid.uuid4())
        violations = find_violations(SERVICE, "InvokeAgentRuntime", params | {"payload": b""})
        if violations:
            raise ValidationException(describe_violations(violations))
        launch = find_launch(
            self.current_account,
            self.region,
            int(self.normalized_request.environ["SERVER_PORT"]),
            params["agentRuntimeArn"],
            params.get("qualifier") or DEFAULT_ENDPOINT,
        )
        headers = {
            "Content-Type": params.get("contentType") or "application/json",
            "Accept": params.get("accept") or "application/json",
            **{k: v for k, v in self.headers.items() if k.lower().startswith(CUSTOM_HEADER_PREFIX)},
            SESSION_HEADER: session,
        }
        status, content_type, body = invoke(launch, self.raw_body, headers)
        return status, {"Content-Type": content_type, SESSION_HEADER: session}, body


def find_launch(account_id: str, region: str, port: int, arn: str, qualifier: str) -> Launch:
    """How to start the version that an endpoint serves now; `port` is the stand-in's own."""
    with STATE_LOCK:
        backend = runtime_backends[account_id][region]
        found = [runtime for runtime in backend.live_runtimes() if runtime.arn == arn]
        version = find_live_version(found[0], qualifier) if found else None
        if version is None:
            raise ResourceNotFoundException(
                f"No endpoint or agent found with qualifier '{qualifier}' for agent '{arn}'"
            )
        source = BundleSource.from_artifact(account_id, version.settings["agentRuntimeArtifact"])
        ensure_installed(found[0].id, version.number, source)
    return hosting.build_launch(
        found[0].id,
        version.number,
        source.entry_point,
        version.settings.get("environmentVariables") or {},
        region,
        f"http://127.0.0.1:{port}",
    )


def find_live_version(runtime: Runtime, qualifier: str) -> RuntimeVersion | None:
    """The version behind an endpoint that can be called, else None."""
    if runtime.deletion or qualifier not in runtime.endpoints:
        return None
    endpoint = runtime.endpoints[qualifier]
    if endpoint.status() not in ("READY", "UPDATING") or endpoint.live is None:
        return None
    version = runtime.versions[endpoint.live]
    return version if version.state.status == "READY" else None


def ensure_installed(runtime_id: str, version: str, source: BundleSource) -> None:
    """Unpack the code again where the data folder has been cleared since the deployment."""
    try:
        hosting.install(runtime_id, version, source)
    except BundleError as error:
        raise RuntimeClientError(f"The runtime's code could not be read: {error}") from error


def invoke(launch: Launch, body: bytes, headers: dict[str, str]) -> tuple[int, str, Any]:
    """Status, content type and body (an iterator for SSE) of the agent's answer."""
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(running(launch))
        response = stack.enter_context(call(process, body, headers, launch))
        content_type = response.getheader("Content-Type", "application/json")
        if response.status >= http.client.BAD_REQUEST:
            raise RuntimeClientError(
                f"Received error ({response.status}) from runtime: "
                f"{response.read(2000).decode(errors='replace')} (log: {launch.log})"
            )
        if content_type.startswith("text/event-stream"):
            chunks = read_chunks(process, response)
            return response.status, content_type, ClosingIterator(chunks, stack.pop_all().close)
        return response.status, content_type, response.read()


def read_chunks(process: Process, response: http.client.HTTPResponse) -> Iterator[bytes]:
    """The body as it comes."""
    try:
        while chunk := response.read1(STREAM_CHUNK_BYTES):
            yield chunk
    except (OSError, http.client.HTTPException):
        process.wait_if_ending()
        raise


@contextlib.contextmanager
def running(launch: Launch) -> Iterator[Process]:
    """The version's process, with AgentCore's errors for those of starting it."""
    with contextlib.ExitStack() as stack:
        try:
            process = stack.enter_context(PROCESSES.use(launch))
        except BusyError as error:
            raise ThrottlingException(f"Too many active sessions: {error}") from error
        except StartError as error:
            raise RuntimeClientError(
                f"An error occurred when starting the runtime: {error} (log: {launch.log})"
            ) from error
        yield process


@contextlib.contextmanager
def call(
    process: Process, body: bytes, headers: dict[str, str], launch: Launch
) -> Iterator[http.client.HTTPResponse]:
    """POST /invocations; the connection closes with the block."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", process.port, timeout=ANSWER_TIMEOUT_SECONDS
    )
    with contextlib.closing(connection):
        try:
            connection.request("POST", "/invocations", body, headers)
            yield connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            process.wait_if_ending()
            raise RuntimeClientError(
                f"The runtime ended while it answered: {error} (log: {launch.log})"
            ) from error
