"""bedrock-agentcore-control over HTTP: requests checked, answers shaped, one at a time."""

from __future__ import annotations

import threading
from typing import Any

from moto.core.responses import ActionResult, BaseResponse, EmptyResult

from local.aws.agentcore.backend import RuntimeBackend, runtime_backends
from local.aws.agentcore.runtimes import Endpoint, Runtime, RuntimeVersion
from local.aws.errors import ValidationException
from local.aws.validation import describe_violations, find_violations

SERVICE = "bedrock-agentcore-control"
PAGE_SIZE = 100
STATE_LOCK = threading.RLock()


class AgentCoreControl(BaseResponse):
    """The control plane of AgentCore Runtime."""

    def __init__(self) -> None:
        super().__init__(service_name=SERVICE)
        self.automated_parameter_parsing = True

    def call_action(self) -> Any:
        """Run one operation at a time: the state has no locks of its own."""
        with STATE_LOCK:
            return super().call_action()

    @property
    def backend(self) -> RuntimeBackend:
        """The state of the caller's account and region."""
        return runtime_backends[self.current_account][self.region]

    def checked_params(self) -> dict[str, Any]:
        """The request's parameters; raises ValidationException."""
        params = dict(self.params)
        violations = find_violations(SERVICE, self._get_action(), params)
        if violations:
            raise ValidationException(describe_violations(violations))
        return params

    def create_agent_runtime(self) -> ActionResult:
        """PUT /runtimes/."""
        runtime = self.backend.create_runtime(self.checked_params())
        return ActionResult(render_runtime(runtime, runtime.latest) | {"status": "CREATING"})

    def update_agent_runtime(self) -> ActionResult:
        """PUT /runtimes/{id}/."""
        runtime = self.backend.update_runtime(self.checked_params())
        return ActionResult(render_runtime(runtime, runtime.latest) | {"status": "UPDATING"})

    def get_agent_runtime(self) -> ActionResult:
        """GET /runtimes/{id}/?version=."""
        params = self.checked_params()
        runtime = self.backend.get_runtime(params["agentRuntimeId"])
        runtime.advance()
        number = params.get("agentRuntimeVersion")
        version = runtime.get_version(number) if number else runtime.latest
        return ActionResult(version.settings | render_runtime(runtime, version))

    def delete_agent_runtime(self) -> ActionResult:
        """DELETE /runtimes/{id}/?version=: the runtime, or one version of it."""
        params = self.checked_params()
        runtime_id, number = params["agentRuntimeId"], params.get("agentRuntimeVersion")
        if number:
            self.backend.delete_version(runtime_id, number)
        else:
            self.backend.delete_runtime(runtime_id)
        return ActionResult(params | {"status": "DELETING"})

    def list_agent_runtimes(self) -> ActionResult:
        """POST /runtimes/."""
        found = [render_runtime(r, r.latest) for r in self.backend.live_runtimes()]
        return self.page("agentRuntimes", found)

    def list_agent_runtime_versions(self) -> ActionResult:
        """POST /runtimes/{id}/versions/."""
        runtime = self.backend.get_runtime(self.checked_params()["agentRuntimeId"])
        found = [render_runtime(runtime, v) for v in runtime.versions.values()]
        return self.page("agentRuntimes", found)

    def create_agent_runtime_endpoint(self) -> ActionResult:
        """PUT /runtimes/{id}/runtime-endpoints/."""
        params = self.checked_params()
        endpoint = self.backend.create_endpoint(params)
        runtime = self.backend.get_runtime(params["agentRuntimeId"])
        rendered = render_endpoint(runtime, endpoint)
        return ActionResult(rendered | {"endpointName": endpoint.name, "status": "CREATING"})

    def update_agent_runtime_endpoint(self) -> ActionResult:
        """PUT /runtimes/{id}/runtime-endpoints/{name}/."""
        params = self.checked_params()
        endpoint = self.backend.update_endpoint(params)
        runtime = self.backend.get_runtime(params["agentRuntimeId"])
        return ActionResult(render_endpoint(runtime, endpoint) | {"status": "UPDATING"})

    def get_agent_runtime_endpoint(self) -> ActionResult:
        """GET /runtimes/{id}/runtime-endpoints/{name}/."""
        params = self.checked_params()
        runtime = self.backend.get_runtime(params["agentRuntimeId"])
        endpoint = runtime.get_endpoint(params["endpointName"])
        endpoint.state.advance()
        return ActionResult(render_endpoint(runtime, endpoint))

    def delete_agent_runtime_endpoint(self) -> ActionResult:
        """DELETE /runtimes/{id}/runtime-endpoints/{name}/."""
        params = self.checked_params()
        self.backend.delete_endpoint(params["agentRuntimeId"], params["endpointName"])
        return ActionResult(params | {"status": "DELETING"})

    def list_agent_runtime_endpoints(self) -> ActionResult:
        """POST /runtimes/{id}/runtime-endpoints/."""
        runtime = self.backend.get_runtime(self.checked_params()["agentRuntimeId"])
        found = [render_endpoint(runtime, e) for e in self.backend.live_endpoints(runtime)]
        return self.page("runtimeEndpoints", found)

    def tag_resource(self) -> ActionResult:
        """POST /tags/{arn}."""
        params = self.checked_params()
        self.backend.find_tags(params["resourceArn"]).update(params["tags"])
        return EmptyResult()

    def untag_resource(self) -> ActionResult:
        """DELETE /tags/{arn}."""
        params = self.checked_params()
        tags = self.backend.find_tags(params["resourceArn"])
        for key in params["tagKeys"]:
            tags.pop(key, None)
        return EmptyResult()

    def list_tags_for_resource(self) -> ActionResult:
        """GET /tags/{arn}."""
        return ActionResult({"tags": self.backend.find_tags(self.checked_params()["resourceArn"])})

    def page(self, key: str, items: list[dict[str, Any]]) -> ActionResult:
        """The slice that maxResults and nextToken (an offset) ask for."""
        params = self.checked_params()
        token = params.get("nextToken") or "0"
        if not token.isdigit():
            raise ValidationException("The pagination token is invalid")
        start, size = int(token), params.get("maxResults") or PAGE_SIZE
        more = {"nextToken": str(start + size)} if start + size < len(items) else {}
        return ActionResult({key: items[start : start + size]} | more)


def render_runtime(runtime: Runtime, version: RuntimeVersion) -> dict[str, Any]:
    """What every answer about a runtime (seen at one version) may show."""
    partition_to_account = runtime.arn.split(":runtime/")[0]
    return {
        "agentRuntimeArn": runtime.arn,
        "agentRuntimeId": runtime.id,
        "agentRuntimeName": runtime.name,
        "agentRuntimeVersion": version.number,
        "description": version.settings.get("description", ""),
        "status": runtime.status() if version is runtime.latest else version.state.status,
        "failureReason": version.failure_reason,
        "createdAt": runtime.created_at,
        "lastUpdatedAt": version.created_at,
        "workloadIdentityDetails": {
            "workloadIdentityArn": f"{partition_to_account}:workload-identity-directory/default/"
            f"workload-identity/{runtime.id}"
        },
    }


def render_endpoint(runtime: Runtime, endpoint: Endpoint) -> dict[str, Any]:
    """What every answer about an endpoint may show."""
    status = endpoint.status()
    return {
        "name": endpoint.name,
        "id": f"{endpoint.name}-{runtime.id[-10:]}",
        "agentRuntimeEndpointArn": endpoint.arn,
        "agentRuntimeArn": runtime.arn,
        "agentRuntimeId": runtime.id,
        "description": endpoint.description,
        "status": status,
        "liveVersion": endpoint.live,
        "targetVersion": endpoint.target,
        "createdAt": endpoint.created_at,
        "lastUpdatedAt": endpoint.updated_at,
    }
