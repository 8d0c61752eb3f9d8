"""One AgentCore runtime an agent, one version a bundle, and the endpoint on the right one."""

from __future__ import annotations

import pytest

from include import records
from include.aws import client
from include.errors import (
    CodeRejectedError,
    ConflictError,
    NameTakenError,
    NotReadyError,
    RuntimeFailedError,
)
from include.naming import bundle_key, runtime_name
from include.runtime.bundle import compute_sha256
from include.runtime.deploy import build_runtime, deploy_runtime
from include.runtime.invoke import invoke_agent, runtime_session_id
from include.settings import get_settings
from include.steps import run_step
from include.waits import is_settled
from tests.deployment import MUTE, deploy, replace_bundle
from tests.fakes import CrashError, CrashOnce, reload

RUNTIME, ENDPOINT = "bedrock-agentcore::runtime", "bedrock-agentcore::endpoint"


def runtimes_of(control, agent):
    pages = control.get_paginator("list_agent_runtimes").paginate()
    found = [runtime for page in pages for runtime in page["agentRuntimes"]]
    name = runtime_name(agent.agent_id)
    return [runtime["agentRuntimeId"] for runtime in found if runtime["agentRuntimeName"] == name]


def versions_of(control, agent):
    runtime_id = reload(agent).agentcore_agent_id
    answer = control.list_agent_runtime_versions(agentRuntimeId=runtime_id)
    return sorted(version["agentRuntimeVersion"] for version in answer["agentRuntimes"])


def endpoint_of(control, agent):
    return control.get_agent_runtime_endpoint(
        agentRuntimeId=agent.agentcore_agent_id, endpointName="production"
    )


def test_from_nothing(agent, control):
    deployed = deploy(agent)
    runtime = control.get_agent_runtime(agentRuntimeId=deployed.agentcore_agent_id)
    assert (runtime["status"], runtime["agentRuntimeVersion"]) == ("READY", "1")
    assert runtime["agentRuntimeArn"] == deployed.agentcore_agent_arn
    assert deployed.agentcore_agent_version == "1"
    assert runtime["environmentVariables"] == {
        "KNOWLEDGE_BASE_ID": agent.bedrock_knowledge_base_arn.rpartition("/")[2],
        "KNOWLEDGE_BASE_STORE": "s3_vectors",
        "MODEL_ID": get_settings().model_id,
    }
    endpoint = endpoint_of(control, deployed)
    assert (endpoint["status"], endpoint["liveVersion"]) == ("READY", "1")


def test_runtime_and_endpoint_are_tagged_for_cost(agent, control):
    deployed = deploy(agent)
    tags = {
        "userId": agent.user_id,
        "agentId": agent.agent_id,
        "platform": "oratio",
        "environment": "production",
    }
    endpoint_arn = endpoint_of(control, deployed)["agentRuntimeEndpointArn"]
    for arn in (deployed.agentcore_agent_arn, endpoint_arn):
        assert control.list_tags_for_resource(resourceArn=arn)["tags"] == tags


def test_twice_is_once(agent, control):
    first, second = deploy(agent), deploy(agent)
    assert runtimes_of(control, agent) == [first.agentcore_agent_id] == [second.agentcore_agent_id]
    assert versions_of(control, agent) == ["1"]


def test_a_bundle_that_is_not_the_checked_one_is_not_deployed(agent, control):
    other = agent.candidate.model_copy(update={"code_sha256": compute_sha256(b"other")})
    records.update_agent(agent.ref, candidate=other)
    with pytest.raises(CodeRejectedError, match="not the one that was checked"):
        deploy(agent)
    assert runtimes_of(control, agent) == []


def test_what_is_put_over_the_bundle_is_not_deployed(agent, control):
    bucket, key = get_settings().code_bucket, bundle_key(agent.ref)
    client("s3").put_object(Bucket=bucket, Key=key, Body=b"something else")
    deployed = deploy(agent)
    runtime = control.get_agent_runtime(agentRuntimeId=deployed.agentcore_agent_id)
    place = runtime["agentRuntimeArtifact"]["codeConfiguration"]["code"]["s3"]
    assert place["versionId"] == agent.candidate.code_s3_version


def test_a_serving_runtime_gets_no_bundle_that_is_not_the_checked_one(agent, control):
    deployed = deploy(agent)
    replaced = replace_bundle(agent, {"agent_file.py": b"1\n"})
    wrong = replaced.candidate.model_copy(update={"code_sha256": compute_sha256(b"other")})
    records.update_agent(agent.ref, candidate=wrong)
    with pytest.raises(CodeRejectedError):
        deploy(agent)
    assert versions_of(control, deployed) == ["1"]


def test_a_new_bundle_is_a_new_version_behind_the_same_endpoint(agent, control):
    first = deploy(agent)
    replace_bundle(agent, {"agent_file.py": MUTE})
    second = deploy(agent)
    assert second.agentcore_agent_id == first.agentcore_agent_id
    assert second.agentcore_agent_version == "2"
    assert versions_of(control, agent) == ["1", "2"]
    endpoint = endpoint_of(control, second)
    assert (endpoint["status"], endpoint["liveVersion"]) == ("READY", "2")
    answer = invoke_agent(second, "Hi", runtime_session_id(second, "c"))
    assert answer["answer"] == "Trust me."


@pytest.mark.parametrize("attribute", ["agentcore_agent_id", "agentcore_agent_arn"])
def test_what_was_created_before_a_crash_is_adopted(agent, control, monkeypatch, attribute):
    crashing = CrashOnce(records.update_agent, **{attribute: "lost"})
    monkeypatch.setattr(records, "update_agent", crashing)
    with pytest.raises(CrashError):
        deploy(agent)
    [before] = runtimes_of(control, agent)
    assert deploy(agent).agentcore_agent_id == before
    assert runtimes_of(control, agent) == [before]
    assert versions_of(control, agent) == ["1"]


def test_the_name_alone_is_enough_to_find_it_again(agent, control):
    first = deploy(agent)
    replace_bundle(agent, {"agent_file.py": MUTE})  # AWS's client token is another one then
    records.update_agent(agent.ref, agentcore_agent_id=None, agentcore_agent_arn=None)
    second = deploy(agent)
    assert second.agentcore_agent_id == first.agentcore_agent_id
    assert second.agentcore_agent_version == "2"


def test_a_crash_before_the_endpoint(agent, control, monkeypatch):
    crashing = CrashOnce(control.create_agent_runtime_endpoint)
    monkeypatch.setattr(control, "create_agent_runtime_endpoint", crashing)
    with pytest.raises(CrashError):
        deploy(agent)
    assert endpoint_of(control, deploy(agent))["liveVersion"] == "1"


@pytest.mark.parametrize("operation", ["CreateAgentRuntime", "CreateAgentRuntimeEndpoint"])
def test_a_conflict_with_nothing_there_is_tried_again(faults, agent, operation):
    faults.put({"kind": "conflict", "operation": operation, "count": 1})
    with pytest.raises(ConflictError):
        run_step(agent.ref, "deploy_runtime", 1, deploy_runtime)
    deploy(agent)


def test_a_foreign_runtime_of_that_name_is_not_taken(agent, control):
    control.create_agent_runtime(
        agentRuntimeName=runtime_name(agent.agent_id),
        tags={"userId": "mallory", "agentId": agent.agent_id},
        **build_runtime(get_settings(), agent),
    )
    with pytest.raises(NameTakenError, match=runtime_name(agent.agent_id)):
        deploy(agent)
    assert reload(agent).agentcore_agent_id is None


def test_a_runtime_deleted_behind_our_back_is_made_again(agent, control):
    first = deploy(agent)
    control.delete_agent_runtime_endpoint(
        agentRuntimeId=first.agentcore_agent_id, endpointName="production"
    )
    control.delete_agent_runtime(agentRuntimeId=first.agentcore_agent_id)
    second = deploy(agent)
    assert runtimes_of(control, agent) == [second.agentcore_agent_id]
    assert second.agentcore_agent_id != first.agentcore_agent_id


@pytest.mark.parametrize(("model", "probe"), [(RUNTIME, "runtime"), (ENDPOINT, "endpoint")])
def test_what_is_still_being_created_is_waited_for(stand_in, agent, model, probe):
    stand_in.set_polls(model, 3)
    with pytest.raises(NotReadyError, match="CREATING") as pending:
        deploy(agent)
    assert pending.value.probe == probe
    for _ in range(10):
        if is_settled(probe, pending.value.ids):
            break
    assert is_settled(probe, pending.value.ids)
    assert deploy(agent).agentcore_agent_version == "1"


def test_an_update_under_way_is_waited_for(stand_in, agent, control):
    deploy(agent)
    replace_bundle(agent, {"agent_file.py": MUTE})
    stand_in.set_polls(RUNTIME, 4)
    with pytest.raises(NotReadyError, match="UPDATING"):
        deploy(agent)
    with pytest.raises(NotReadyError, match="UPDATING"):
        deploy(agent)
    assert versions_of(control, agent) == ["1", "2"]


def test_a_bundle_without_entry_point_fails_with_aws_s_reason(agent, control):
    replace_bundle(agent, {"other.py": b"print(1)\n"})
    with pytest.raises(RuntimeFailedError, match="CREATE_FAILED: The specified entrypoint"):
        deploy(agent)
    with pytest.raises(RuntimeFailedError):
        deploy(agent)
    assert versions_of(control, agent) == ["1"]


def test_after_such_a_failure_a_good_bundle_works(agent, control):
    replace_bundle(agent, {"other.py": b"print(1)\n"})
    with pytest.raises(RuntimeFailedError):
        deploy(agent)
    replace_bundle(agent, {"agent_file.py": MUTE})
    deployed = deploy(agent, redo=True)
    assert deployed.agentcore_agent_version == "2"
    assert runtimes_of(control, agent) == [deployed.agentcore_agent_id]
    assert endpoint_of(control, deployed)["liveVersion"] == "2"


def test_a_failed_version_of_the_same_bundle_is_tried_again_on_a_retry(agent, control):
    replace_bundle(agent, {"other.py": b"print(1)\n"})
    with pytest.raises(RuntimeFailedError):
        deploy(agent)
    with pytest.raises(RuntimeFailedError, match="UPDATE_FAILED"):
        deploy(agent, redo=True)
    assert versions_of(control, agent) == ["1", "2"]


def test_what_is_gone_is_not_waited_for(agent, control):
    deployed = deploy(agent)
    control.delete_agent_runtime_endpoint(
        agentRuntimeId=deployed.agentcore_agent_id, endpointName="production"
    )
    assert is_settled("endpoint", {"id": deployed.agentcore_agent_id})
