"""The way of a record into DynamoDB's typed form and back, without DynamoDB."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.items import build_update, put_new, read, write
from include.models import Agent, AgentStatus, Document, KnowledgeBase, Step, StepError, StepStatus
from tests.fakes import make_agent, make_knowledge_base

NUMBERS = st.integers(-(10**18), 10**18) | st.floats(-1e15, 1e15).filter(
    lambda number: number == 0 or abs(number) > 1e-100
)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(JSON)
def test_json_comes_back_equal(value):
    assert read({"x": write(value)})["x"] == value


@pytest.mark.parametrize(("number", "kind"), [(1, int), (2.5, float), (0.1, float), (10**20, int)])
def test_numbers_are_json_s_own(number, kind):
    [back] = read({"x": write([number])})["x"]
    assert (back, type(back)) == (number, kind)


def test_floats_are_written_exactly():
    assert write({"speed": 0.1}) == {"M": {"speed": {"N": "0.1"}}}


def test_an_agent_comes_back_equal():
    step = Step(status=StepStatus.FAILED, attempt=2, started_at="2026-01-01T00:00:00+00:00")
    step.error = StepError(code="ingestion_failed", message="Why.")
    agent = make_agent(voice_config={"speed": 1.5, "voice": "matthew"}, steps={"ingest": step})
    assert Agent.model_validate(read(write(agent)["M"])) == agent


def test_a_knowledge_base_comes_back_equal():
    base = make_knowledge_base(make_agent(), {"a/b.md": b"x"})
    base.folder_file_descriptions = {"a": "Terms", "a/b.md": "Returns"}
    assert KnowledgeBase.model_validate(read(write(base)["M"])) == base


def test_records_are_camel_case_outside_and_leave_out_what_is_empty():
    item = write(make_agent())["M"]
    assert {"userId", "agentId", "knowledgeBaseDescription"} <= item.keys()
    assert not {"failure", "voiceConfig", "user_id"} & item.keys()


def test_an_update_sets_and_removes():
    error = StepError(code="c", message="m")
    assert build_update({"status": AgentStatus.FAILED, "failure": error, "failed_step": None}) == {
        "UpdateExpression": "SET #status = :status, #failure = :failure REMOVE #failed_step",
        "ExpressionAttributeNames": {
            "#status": "status",
            "#failure": "failure",
            "#failed_step": "failedStep",
        },
        "ExpressionAttributeValues": {
            ":status": {"S": "failed"},
            ":failure": {"M": {"code": {"S": "c"}, "message": {"S": "m"}}},
        },
    }


def test_an_update_takes_lists_of_records():
    update = build_update({"documents": [Document(path="a.md", size_bytes=3)]})
    [document] = update["ExpressionAttributeValues"][":documents"]["L"]
    assert document["M"]["sizeBytes"] == {"N": "3"}


def test_a_new_record_refuses_to_overwrite():
    put = put_new("table", make_agent(), "agentId")["Put"]
    assert put["ConditionExpression"] == "attribute_not_exists(agentId)"
    assert put["Item"]["generation"] == {"N": "1"}


def test_no_decimal_leaves_the_records():
    back = read(write({"a": [1.5, {"b": 2}]})["M"])
    assert not isinstance(back["a"][0], Decimal)
    assert not isinstance(back["a"][1]["b"], Decimal)
