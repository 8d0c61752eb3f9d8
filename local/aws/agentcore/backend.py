"""What may be done to an account's AgentCore runtimes, with AWS's rules and errors."""

from __future__ import annotations

import string
from collections.abc import Iterator
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend
from moto.moto_api._internal import mock_random
from moto.moto_api._internal.managed_state_model import ManagedState

from local.aws.agentcore import hosting
from local.aws.agentcore.bundles import BundleError, BundleSource
from local.aws.agentcore.processes import PROCESSES
from local.aws.agentcore.runtimes import (
    DEFAULT_ENDPOINT,
    ENDPOINT_MODEL,
    RUNTIME_MODEL,
    Endpoint,
    Runtime,
    RuntimeVersion,
)
from local.aws.errors import (
    ConflictException,
    ResourceNotFoundException,
    ValidationException,
)
from local.aws.faults import FAULTS, Ending
from local.aws.ledger import Ledger, ledgers
from local.aws.quotas import check_quota

ID_ALPHABET = string.ascii_letters + string.digits
VERSION_FIELDS = (
    "agentRuntimeArtifact",
    "roleArn",
    "networkConfiguration",
    "description",
    "authorizerConfiguration",
    "requestHeaderConfiguration",
    "protocolConfiguration",
    "lifecycleConfiguration",
    "environmentVariables",
)
DEFAULT_SETTINGS = {
    "networkConfiguration": {"networkMode": "PUBLIC"},
    "protocolConfiguration": {"serverProtocol": "HTTP"},
}
DEFAULT_LIFECYCLE = {"idleRuntimeSessionTimeout": 900, "maxLifetime": 28800}
# AgentCore: deprecated 2026-06-30, creation and updates blocked since 2026-08-31.
BLOCKED_LANGUAGES = ("PYTHON_3_10", "PYTHON_3_11")
ENDINGS: dict[str, Ending] = {"CREATE": "runtime CREATE_FAILED", "UPDATE": "runtime UPDATE_FAILED"}


def random_suffix() -> str:
    """The 10 characters that end an AgentCore id."""
    return "".join(mock_random.choice(ID_ALPHABET) for _ in range(10))


def read_token(params: dict[str, Any]) -> str:
    """The client's token; without one, no other request can have the same."""
    return params.get("clientToken") or random_suffix()


class RuntimeBackend(BaseBackend):
    """One account's runtimes in one region."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.runtimes: dict[str, Runtime] = {}
        self.tokens: dict[tuple[str, ...], str] = {}

    @property
    def ledger(self) -> Ledger:
        """Where what is made and deleted is written down."""
        ledger: Ledger = ledgers[self.account_id][self.region_name]
        return ledger

    def reset(self) -> None:
        """Forget everything and stop the processes."""
        for runtime_id in tuple(self.runtimes):
            self._remove(runtime_id)
        super().reset()

    def live_runtimes(self) -> Iterator[Runtime]:
        """Every runtime not yet gone."""
        for runtime in tuple(self.runtimes.values()):
            if runtime.status() == "DELETED":
                self._remove(runtime.id)
            else:
                yield runtime

    def get_runtime(self, runtime_id: str) -> Runtime:
        """A runtime not yet gone; raises ResourceNotFoundException."""
        for runtime in self.live_runtimes():
            if runtime.id == runtime_id:
                return runtime
        raise ResourceNotFoundException(f"Agent runtime {runtime_id} not found")

    def create_runtime(self, params: dict[str, Any]) -> Runtime:
        """A new runtime with version 1 and the DEFAULT endpoint, or the token's earlier one."""
        name = params["agentRuntimeName"]
        token = ("runtime", read_token(params))
        runtimes = {runtime.name: runtime for runtime in self.live_runtimes()}
        if name in runtimes and runtimes[name].id == self.tokens.get(token):
            return runtimes[name]
        if name in runtimes:
            raise ConflictException("An agent with the specified name already exists")
        check_quota("RUNTIMES", len(runtimes))
        source = self._readable_source(params)
        runtime_id = f"{name}-{random_suffix()}"
        arn = f"arn:{self.partition}:bedrock-agentcore:{self.region_name}:{self.account_id}"
        runtime = Runtime(name, runtime_id, f"{arn}:runtime/{runtime_id}", params.get("tags") or {})
        self.ledger.record_create("runtime", runtime_id, name, tags=runtime.tags)
        self._add_version(runtime, params, source, "CREATE")
        self._add_endpoint(runtime, DEFAULT_ENDPOINT, "1", {})
        self.runtimes[runtime_id] = runtime
        self.tokens[token] = runtime_id
        return runtime

    def update_runtime(self, params: dict[str, Any]) -> Runtime:
        """A new version that replaces every setting; DEFAULT follows it unless it failed."""
        runtime = self.get_runtime(params["agentRuntimeId"])
        token = ("version", runtime.id, read_token(params))
        if token in self.tokens:
            return runtime
        self.require_stable(runtime)
        check_quota("RUNTIME_VERSIONS", len(runtime.versions))
        source = self._readable_source(params)
        version = self._add_version(runtime, params, source, "UPDATE")
        if version.failure_reason is None:
            runtime.endpoints[DEFAULT_ENDPOINT].retarget(version.number)
        self.tokens[token] = version.number
        return runtime

    def delete_runtime(self, runtime_id: str) -> Runtime:
        """Start deleting a runtime that has no endpoint of its own left; kills its processes."""
        runtime = self.get_runtime(runtime_id)
        if runtime.deletion is None:
            self.require_stable(runtime)
            if any(e.name != DEFAULT_ENDPOINT for e in self.live_endpoints(runtime)):
                raise ConflictException(
                    f"Agent runtime {runtime_id} has endpoints; delete them first"
                )
            runtime.deletion = ManagedState(RUNTIME_MODEL, [("DELETING", "DELETED")])
            self.ledger.record_delete(runtime_id)
            PROCESSES.stop(runtime_id)
        return runtime

    def delete_version(self, runtime_id: str, number: str) -> None:
        """Remove a version that no endpoint needs."""
        runtime = self.get_runtime(runtime_id)
        runtime.get_version(number)
        used = {v for e in self.live_endpoints(runtime) for v in (e.live, e.target)}
        if number in used or number == runtime.latest.number:
            raise ConflictException(f"Version {number} of runtime {runtime_id} is in use")
        del runtime.versions[number]
        self.ledger.record_delete(f"{runtime_id}/{number}")
        PROCESSES.stop(runtime_id, number)

    def create_endpoint(self, params: dict[str, Any]) -> Endpoint:
        """A named endpoint on the given or the newest version, or the token's earlier one."""
        runtime = self.get_runtime(params["agentRuntimeId"])
        token = ("endpoint", runtime.id, read_token(params))
        existing = {e.name: e for e in self.live_endpoints(runtime)}
        if params["name"] in existing and self.tokens.get(token) == params["name"]:
            return existing[params["name"]]
        if params["name"] in existing:
            raise ConflictException("An endpoint with the specified name already exists")
        check_quota("RUNTIME_ENDPOINTS", len(existing))
        version = self.require_ready(runtime, params.get("agentRuntimeVersion"))
        self.tokens[token] = params["name"]
        endpoint = self._add_endpoint(runtime, params["name"], version.number, params)
        self.ledger.record_create("endpoint", endpoint.arn, endpoint.name, parent=runtime.id)
        return endpoint

    def update_endpoint(self, params: dict[str, Any]) -> Endpoint:
        """Start moving a named endpoint to the given or the newest version."""
        runtime = self.get_runtime(params["agentRuntimeId"])
        endpoint = self.get_named_endpoint(runtime, params["endpointName"])
        if endpoint.status() not in ("READY", "UPDATE_FAILED"):
            raise ConflictException(f"Endpoint {endpoint.name} is {endpoint.status()}")
        version = self.require_ready(runtime, params.get("agentRuntimeVersion"))
        endpoint.retarget(version.number)
        endpoint.description = params.get("description", endpoint.description)
        return endpoint

    def delete_endpoint(self, runtime_id: str, name: str) -> Endpoint:
        """Start deleting a named endpoint."""
        endpoint = self.get_named_endpoint(self.get_runtime(runtime_id), name)
        endpoint.state = ManagedState(ENDPOINT_MODEL, [("DELETING", "DELETED")])
        self.ledger.record_delete(endpoint.arn)
        return endpoint

    def get_named_endpoint(self, runtime: Runtime, name: str) -> Endpoint:
        """An endpoint that callers may move or delete: not DEFAULT."""
        if name == DEFAULT_ENDPOINT:
            raise ConflictException("The DEFAULT endpoint is managed by the service")
        return runtime.get_endpoint(name)

    def live_endpoints(self, runtime: Runtime) -> list[Endpoint]:
        """Endpoints not yet gone."""
        return [e for e in runtime.endpoints.values() if e.status() != "DELETED"]

    def require_stable(self, runtime: Runtime) -> None:
        """Refuse a change while another is under way."""
        if runtime.status() in ("CREATING", "UPDATING", "DELETING"):
            raise ConflictException(
                f"Agent runtime {runtime.id} is in {runtime.status()} state and cannot be changed"
            )

    def require_ready(self, runtime: Runtime, number: str | None) -> RuntimeVersion:
        """The version (None: the newest) if an endpoint may point to it."""
        version = runtime.get_version(number or runtime.latest.number)
        if version.state.status != "READY" or runtime.deletion:
            raise ConflictException(
                f"Version {version.number} of runtime {runtime.id} is not READY"
            )
        return version

    def find_tags(self, arn: str) -> dict[str, str]:
        """The tags, to be changed in place, of a runtime or endpoint."""
        for runtime in self.live_runtimes():
            tags = {e.arn: e.tags for e in self.live_endpoints(runtime)}
            tags[runtime.arn] = runtime.tags
            if arn in tags:
                return tags[arn]
        raise ResourceNotFoundException(f"Resource {arn} not found")

    def _readable_source(self, params: dict[str, Any]) -> BundleSource:
        """The bundle's place, after the checks whose failure AWS reports at once."""
        code = params["agentRuntimeArtifact"].get("codeConfiguration")
        if code is None or code["runtime"].startswith("NODE"):
            raise ValidationException("The stand-in runs Python code bundles only")
        if code["runtime"] in BLOCKED_LANGUAGES:
            raise ValidationException(f"Runtime {code['runtime']} is no longer supported")
        source = BundleSource.from_artifact(self.account_id, params["agentRuntimeArtifact"])
        try:
            source.fetch()
        except BundleError as error:
            raise ValidationException(
                f"Unable to access s3://{source.bucket}/{source.key}: {error}"
            ) from error
        return source

    def _add_version(
        self, runtime: Runtime, params: dict[str, Any], source: BundleSource, verb: str
    ) -> RuntimeVersion:
        number = str(runtime.next_version)
        settings = DEFAULT_SETTINGS | {k: params[k] for k in VERSION_FIELDS if k in params}
        settings["lifecycleConfiguration"] = DEFAULT_LIFECYCLE | settings.get(
            "lifecycleConfiguration", {}
        )
        failure = FAULTS.find_ending(ENDINGS[verb], runtime.name)
        try:
            hosting.install(runtime.id, number, source)
        except BundleError as error:
            failure = str(error)
        self.ledger.record_create(
            "runtime_version", f"{runtime.id}/{number}", source.uri, runtime.id
        )
        steps: list[tuple[str | None, str]] = [
            (f"{verb[:-1]}ING", f"{verb}_FAILED" if failure else "READY")
        ]
        version = RuntimeVersion(number, settings, ManagedState(RUNTIME_MODEL, steps), failure)
        runtime.versions[number] = version
        runtime.next_version += 1
        runtime.updated_at = version.created_at
        return version

    def _add_endpoint(
        self, runtime: Runtime, name: str, version: str, params: dict[str, Any]
    ) -> Endpoint:
        endpoint = Endpoint(
            name=name,
            arn=f"{runtime.arn}/runtime-endpoint/{name}",
            target=version,
            state=ManagedState(ENDPOINT_MODEL, [("CREATING", "READY")]),
            description=params.get("description"),
            tags=params.get("tags") or {},
        )
        runtime.endpoints[name] = endpoint
        return endpoint

    def _remove(self, runtime_id: str) -> None:
        del self.runtimes[runtime_id]
        PROCESSES.stop(runtime_id)
        hosting.uninstall(runtime_id)
        self.tokens = {k: v for k, v in self.tokens.items() if runtime_id not in (v, *k)}


# "ec2" only lends its list of regions.
runtime_backends = BackendDict(RuntimeBackend, "ec2")
