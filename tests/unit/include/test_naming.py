"""Names must fit AWS's patterns, and be the same on every retry."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import parse_qsl
from uuid import uuid4

import pytest
from botocore.loaders import create_loader
from hypothesis import given
from hypothesis import strategies as st

from include import naming
from include.models import AgentRef
from include.settings import Settings

REF = AgentRef("alice", "0b8e7f6a-1c2d-4e3f-8a9b-0c1d2e3f4a5b", 3)
SETTINGS = Settings()


def find_shape(service: str, shape: str) -> dict:
    """A shape of AWS's own model of a service."""
    return create_loader().load_service_model(service, "service-2")["shapes"][shape]


def matches(service: str, shape: str, text: str) -> bool:
    found = find_shape(service, shape)
    is_long_enough = found.get("min", 0) <= len(text) <= found.get("max", 2**31)
    return is_long_enough and bool(re.fullmatch(found.get("pattern", ".*"), text))


def test_the_runtime_s_name_is_one_for_agentcore():
    name = naming.runtime_name(REF.agent_id)
    assert matches("bedrock-agentcore-control", "AgentRuntimeName", name)
    assert name == "oratio_0b8e7f6a1c2d4e3f8a9b0c1d2e3f4a5b"
    assert not matches("bedrock-agentcore-control", "AgentRuntimeName", REF.agent_id)


def test_the_knowledge_base_s_name_is_one_for_bedrock():
    assert matches("bedrock-agent", "Name", naming.knowledge_base_name(REF.agent_id))


def test_the_index_s_name_is_one_for_s3_vectors():
    name = naming.vector_index_name(REF.agent_id)
    assert matches("s3vectors", "IndexName", name)
    assert re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name)


@pytest.mark.parametrize("service", ["bedrock-agent", "bedrock-agentcore-control"])
def test_client_tokens_are_ones_for_aws(service):
    assert matches(service, "ClientToken", naming.client_token(REF, "knowledge-base"))


def test_client_tokens_are_equal_on_a_retry_and_else_differ():
    token = naming.client_token(REF, "runtime")
    assert token == naming.client_token(replace(REF), "runtime")
    others = [
        naming.client_token(REF, "endpoint"),
        naming.client_token(replace(REF, generation=4), "runtime"),
        naming.client_token(replace(REF, agent_id=str(uuid4())), "runtime"),
    ]
    assert len({token, *others}) == 4


def test_run_ids_name_agent_and_generation_and_fit_airflow():
    assert naming.run_id(REF) == f"agent-{REF.agent_id}-g3"
    # Airflow's [core] allowed_run_id_pattern
    assert re.fullmatch(r"[A-Za-z0-9_.~:+-]+", naming.run_id(REF))


def test_no_agent_s_prefix_is_the_start_of_another_s():
    assert not naming.agent_prefix("u", "a12").startswith(naming.agent_prefix("u", "a1"))
    assert not naming.agent_prefix("u1", "a").startswith(naming.agent_prefix("u", "a"))


def test_the_longest_prefix_fits_a_data_source():
    assert matches("bedrock-agent", "S3Prefix", naming.agent_prefix("u" * 64, REF.agent_id))


def test_s3_addresses():
    assert naming.document_uri(SETTINGS, REF) == f"s3://oratio-knowledge-bases/{PREFIX}"
    assert naming.document_uri(SETTINGS, REF, "a/b.md").endswith(f"{PREFIX}a/b.md")
    assert naming.code_key(REF, "agent_file.py") == f"{PREFIX}agent_file.py"
    assert naming.bundle_key(REF) == f"{PREFIX}g3/bundle.zip"
    assert naming.bundle_key(replace(REF, generation=4)) != naming.bundle_key(REF)


PREFIX = f"alice/{REF.agent_id}/"


@given(st.text(max_size=64), st.text(max_size=64))
def test_no_value_can_add_or_change_a_tag(user_id, resource_type):
    tagging = naming.object_tagging(AgentRef(user_id, REF.agent_id, 1), resource_type)
    assert parse_qsl(tagging, keep_blank_values=True, strict_parsing=True) == [
        ("userId", user_id),
        ("agentId", REF.agent_id),
        ("resourceType", resource_type),
    ]


def test_resources_carry_the_tags_of_the_specification():
    tags = {
        "userId": "alice",
        "agentId": REF.agent_id,
        "platform": "oratio",
        "environment": "production",
    }
    assert naming.knowledge_base_tags(SETTINGS, REF) == tags
    assert naming.runtime_tags(SETTINGS, REF) == tags
