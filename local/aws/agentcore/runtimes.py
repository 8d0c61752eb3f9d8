"""AgentCore runtimes with their versions and endpoints: plain data, safe to pickle."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.moto_api import state_manager
from moto.moto_api._internal.managed_state_model import ManagedState

from local.aws.errors import ResourceNotFoundException

RUNTIME_MODEL = "bedrock-agentcore::runtime"
ENDPOINT_MODEL = "bedrock-agentcore::endpoint"
DEFAULT_ENDPOINT = "DEFAULT"
for model in (RUNTIME_MODEL, ENDPOINT_MODEL):
    state_manager.register_default_transition(model, {"progression": "immediate"})


def now() -> datetime:
    """The current time, aware."""
    return datetime.now(UTC)


@dataclass
class RuntimeVersion:
    """An immutable version: its settings and how its creation went."""

    number: str
    settings: dict[str, Any]
    state: ManagedState
    failure_reason: str | None = None
    created_at: datetime = field(default_factory=now)


@dataclass
class Endpoint:
    """A name for a version; `live` follows `target` when the endpoint becomes READY."""

    name: str
    arn: str
    target: str
    state: ManagedState
    live: str | None = None
    description: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)

    def status(self) -> str:
        """The current status; settles `live` as a side effect."""
        status = str(self.state.status)
        if status == "READY":
            self.live = self.target
        return status

    def retarget(self, version: str) -> None:
        """Start moving to another version."""
        self.status()
        self.target = version
        self.updated_at = now()
        self.state = ManagedState(ENDPOINT_MODEL, [("UPDATING", "READY")])


@dataclass
class Runtime:
    """A runtime with all its versions and endpoints."""

    name: str
    id: str
    arn: str
    tags: dict[str, str]
    versions: dict[str, RuntimeVersion] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    deletion: ManagedState | None = None
    next_version: int = 1
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)

    @property
    def latest(self) -> RuntimeVersion:
        """The newest version."""
        return list(self.versions.values())[-1]

    def status(self) -> str:
        """The runtime's status: that of its deletion or of its newest version."""
        return str((self.deletion or self.latest.state).status)

    def advance(self) -> None:
        """Count one look at the runtime, for transitions measured in polls."""
        (self.deletion or self.latest.state).advance()

    def get_version(self, number: str) -> RuntimeVersion:
        """A version; raises ResourceNotFoundException."""
        if number not in self.versions:
            raise ResourceNotFoundException(f"Agent runtime {self.id} has no version {number}")
        return self.versions[number]

    def get_endpoint(self, name: str) -> Endpoint:
        """An endpoint that is not gone; raises ResourceNotFoundException."""
        endpoint = self.endpoints.get(name)
        if endpoint is not None and endpoint.status() == "DELETED":
            endpoint = self.endpoints.pop(name) and None
        if endpoint is None:
            raise ResourceNotFoundException(f"Endpoint {name} of runtime {self.id} not found")
        return endpoint
