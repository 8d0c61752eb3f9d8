"""The rules of runtimes, versions and endpoints, and that their state can be saved."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.core.exceptions import ServiceException
from moto.moto_api import state_manager

from local.aws.agentcore import hosting
from local.aws.agentcore.backend import RuntimeBackend
from local.aws.agentcore.bundles import BundleError, BundleSource
from local.aws.agentcore.runtimes import ENDPOINT_MODEL, RUNTIME_MODEL

ACCOUNT = "123456789012"


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> RuntimeBackend:
    """A backend whose bundles are all good, except those with "broken" in their key."""

    def fetch(source: BundleSource) -> bytes:
        if "missing" in source.key:
            raise BundleError("The specified key does not exist.")
        return source.key.encode()

    def install(_runtime_id: str, _version: str, source: BundleSource) -> None:
        if "broken" in source.key:
            raise BundleError("Your artifact is not a valid zip file.")

    monkeypatch.setenv("STAND_IN_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(BundleSource, "fetch", fetch)
    monkeypatch.setattr(hosting, "install", install)
    return RuntimeBackend("us-east-1", ACCOUNT)


@pytest.fixture
def slow() -> Iterator[None]:
    """Transitions take two looks."""
    for model in (RUNTIME_MODEL, ENDPOINT_MODEL):
        state_manager.set_transition(model, {"progression": "manual", "times": 2})
    yield
    for model in (RUNTIME_MODEL, ENDPOINT_MODEL):
        state_manager.unset_transition(model)


def settings(key: str = "good.zip", language: str = "PYTHON_3_13", **more: Any) -> dict[str, Any]:
    code = {"s3": {"bucket": "code", "prefix": key}}
    artifact = {"code": code, "runtime": language, "entryPoint": ["agent_file.py"]}
    role = f"arn:aws:iam::{ACCOUNT}:role/agent"
    return {"agentRuntimeArtifact": {"codeConfiguration": artifact}, "roleArn": role, **more}


def create(backend: RuntimeBackend, name: str = "agent", **more: Any) -> Any:
    return backend.create_runtime(settings(agentRuntimeName=name, **more))


def code_of(error: pytest.ExceptionInfo[ServiceException]) -> str:
    return error.value.code


def test_create_makes_version_1_and_default(backend: RuntimeBackend) -> None:
    runtime = create(backend)
    assert runtime.status() == "READY"
    assert runtime.id.startswith("agent-")
    assert len(runtime.id) == len("agent-") + 10
    assert runtime.arn.endswith(f":runtime/{runtime.id}")
    endpoint = runtime.endpoints["DEFAULT"]
    assert (endpoint.status(), endpoint.live) == ("READY", "1")


def test_names_are_unique_until_deleted(backend: RuntimeBackend) -> None:
    runtime = create(backend)
    with pytest.raises(ServiceException, match="already exists") as error:
        create(backend)
    assert code_of(error) == "ConflictException"
    backend.delete_runtime(runtime.id)
    assert create(backend).id != runtime.id


def test_a_client_token_gives_the_same_runtime(backend: RuntimeBackend) -> None:
    assert create(backend, clientToken="t" * 33) is create(backend, clientToken="t" * 33)
    with pytest.raises(ServiceException):
        create(backend, clientToken="u" * 33)


def test_update_is_a_full_replace_and_a_new_version(backend: RuntimeBackend) -> None:
    runtime = create(backend, environmentVariables={"A": "1"}, description="old")
    backend.update_runtime(settings(agentRuntimeId=runtime.id))
    assert runtime.latest.number == "2"
    assert "environmentVariables" not in runtime.latest.settings
    assert runtime.versions["1"].settings["environmentVariables"] == {"A": "1"}


def test_default_follows_and_named_endpoints_stay(backend: RuntimeBackend) -> None:
    runtime = create(backend)
    production = backend.create_endpoint({"agentRuntimeId": runtime.id, "name": "production"})
    backend.update_runtime(settings(agentRuntimeId=runtime.id))
    assert runtime.endpoints["DEFAULT"].status() == "READY"
    assert runtime.endpoints["DEFAULT"].live == "2"
    assert (production.status(), production.live) == ("READY", "1")
    move = {"agentRuntimeId": runtime.id, "endpointName": "production"}
    backend.update_endpoint(move)
    assert (production.status(), production.live) == ("READY", "2")
    backend.update_endpoint(move | {"agentRuntimeVersion": "1"})
    assert (production.status(), production.live) == ("READY", "1")


def test_a_bad_bundle_fails_the_creation_with_a_reason(backend: RuntimeBackend) -> None:
    runtime = create(backend, key="broken.zip")
    assert runtime.status() == "CREATE_FAILED"
    assert runtime.latest.failure_reason == "Your artifact is not a valid zip file."
    with pytest.raises(ServiceException) as error:
        backend.create_endpoint({"agentRuntimeId": runtime.id, "name": "production"})
    assert code_of(error) == "ConflictException"


def test_a_failed_update_leaves_default_on_the_good_version(backend: RuntimeBackend) -> None:
    runtime = create(backend)
    backend.update_runtime(settings("broken.zip", agentRuntimeId=runtime.id))
    assert runtime.status() == "UPDATE_FAILED"
    assert runtime.endpoints["DEFAULT"].target == "1"
    backend.update_runtime(settings(agentRuntimeId=runtime.id))
    assert (runtime.status(), runtime.latest.number) == ("READY", "3")


@pytest.mark.parametrize(
    "bad", [{"key": "missing.zip"}, {"language": "PYTHON_3_11"}, {"language": "NODE_22"}]
)
def test_what_aws_refuses_at_once(backend: RuntimeBackend, bad: dict[str, Any]) -> None:
    with pytest.raises(ServiceException) as error:
        create(backend, **bad)
    assert code_of(error) == "ValidationException"
    assert not list(backend.live_runtimes())


@pytest.mark.usefixtures("slow")
def test_a_runtime_cannot_be_changed_before_it_is_ready(backend: RuntimeBackend) -> None:
    runtime = create(backend)
    for change in (
        lambda: backend.update_runtime(settings(agentRuntimeId=runtime.id)),
        lambda: backend.create_endpoint({"agentRuntimeId": runtime.id, "name": "production"}),
        lambda: backend.delete_runtime(runtime.id),
    ):
        with pytest.raises(ServiceException) as error:
            change()
        assert code_of(error) == "ConflictException"
    runtime.advance()
    assert runtime.status() == "CREATING"
    runtime.advance()
    assert runtime.status() == "READY"


@pytest.mark.usefixtures("slow")
def test_a_moving_endpoint_serves_the_old_version(backend: RuntimeBackend) -> None:
    runtime = create(backend)
    runtime.versions["1"].state.status = "READY"
    endpoint = runtime.endpoints["DEFAULT"]
    endpoint.state.status = "READY"
    backend.update_runtime(settings(agentRuntimeId=runtime.id))
    assert (endpoint.status(), endpoint.live, endpoint.target) == ("UPDATING", "1", "2")


@pytest.mark.usefixtures("slow")
def test_deletion_takes_time_and_keeps_the_name(backend: RuntimeBackend) -> None:
    runtime = create(backend)
    runtime.versions["1"].state.status = "READY"
    backend.delete_runtime(runtime.id)
    assert backend.get_runtime(runtime.id).status() == "DELETING"
    with pytest.raises(ServiceException, match="already exists"):
        create(backend)
    runtime.advance()
    runtime.advance()
    with pytest.raises(ServiceException) as error:
        backend.get_runtime(runtime.id)
    assert code_of(error) == "ResourceNotFoundException"


def test_endpoints_go_before_their_runtime(backend: RuntimeBackend) -> None:
    runtime = create(backend)
    backend.create_endpoint({"agentRuntimeId": runtime.id, "name": "production"})
    with pytest.raises(ServiceException, match="has endpoints"):
        backend.delete_runtime(runtime.id)
    backend.delete_endpoint(runtime.id, "production")
    backend.delete_runtime(runtime.id)
    assert not list(backend.live_runtimes())


def test_default_is_the_services_own(backend: RuntimeBackend) -> None:
    runtime = create(backend)
    with pytest.raises(ServiceException) as error:
        backend.delete_endpoint(runtime.id, "DEFAULT")
    assert code_of(error) == "ConflictException"


def test_only_unused_versions_can_be_deleted(backend: RuntimeBackend) -> None:
    runtime = create(backend)
    backend.update_runtime(settings(agentRuntimeId=runtime.id))
    with pytest.raises(ServiceException) as error:
        backend.delete_version(runtime.id, "2")
    assert code_of(error) == "ConflictException"
    backend.delete_version(runtime.id, "1")
    assert list(runtime.versions) == ["2"]


@pytest.mark.parametrize("name", ["RUNTIMES", "RUNTIME_VERSIONS", "RUNTIME_ENDPOINTS"])
def test_quotas(backend: RuntimeBackend, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    runtime = create(backend)
    monkeypatch.setenv(f"STAND_IN_QUOTA_{name}", "1")
    more = {
        "RUNTIMES": lambda: create(backend, name="other"),
        "RUNTIME_VERSIONS": lambda: backend.update_runtime(settings(agentRuntimeId=runtime.id)),
        "RUNTIME_ENDPOINTS": lambda: backend.create_endpoint(
            {"agentRuntimeId": runtime.id, "name": "production"}
        ),
    }
    with pytest.raises(ServiceException) as error:
        more[name]()
    assert code_of(error) == "ServiceQuotaExceededException"


def test_the_state_survives_a_pickle(backend: RuntimeBackend) -> None:
    runtime = create(backend, tags={"a": "b"})
    backend.create_endpoint({"agentRuntimeId": runtime.id, "name": "production"})
    restored: RuntimeBackend = pickle.loads(pickle.dumps(backend))
    assert restored.get_runtime(runtime.id).tags == {"a": "b"}
    assert restored.get_runtime(runtime.id).get_endpoint("production").status() == "READY"


def test_reset_forgets_everything(backend: RuntimeBackend) -> None:
    create(backend)
    backend.reset()
    assert not list(backend.live_runtimes())
    assert create(backend).status() == "READY"
