"""Sidecars stay readable for Bedrock, whatever a tenant writes into a description."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.documents import MAX_SIDECAR_BYTES, build_sidecar, code_uri
from include.models import AgentRef

REF = AgentRef("u" * 64, "0b8e7f6a-1c2d-4e3f-8a9b-0c1d2e3f4a5b", 1)


def read_description(sidecar: bytes) -> str:
    return json.loads(sidecar)["metadataAttributes"]["description"]


def test_attributes():
    assert json.loads(build_sidecar(REF, "Prices of 2026")) == {
        "metadataAttributes": {
            "user_id": REF.user_id,
            "agent_id": REF.agent_id,
            "description": "Prices of 2026",
        }
    }


@pytest.mark.parametrize("letter", ["a", "é", "漢", "🚲", '"', "\\", "\n", "\x00"])
def test_long_descriptions_are_cut_to_the_limit(letter):
    sidecar = build_sidecar(REF, letter * 5_000)
    description = read_description(sidecar)
    assert len(sidecar) <= MAX_SIDECAR_BYTES
    assert description == letter * len(description)
    assert len(description) >= 100


@given(st.text(max_size=2_000))
def test_any_description_gives_a_valid_sidecar(description):
    sidecar = build_sidecar(REF, description)
    assert len(sidecar) <= MAX_SIDECAR_BYTES
    assert description.startswith(read_description(sidecar))


def test_code_lies_where_the_specification_says():
    place = f"s3://oratio-generated-code/{REF.user_id}/{REF.agent_id}/agent_file.py"
    assert code_uri(REF, "agent_file.py") == place
