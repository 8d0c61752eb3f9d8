"""The form of a submission: what each field takes."""

from __future__ import annotations

import json
import unicodedata

import pytest
from pydantic import ValidationError

from api.schemas import AgentChange, AgentForm, AgentView
from include.chat import ChatRequest
from include.problems import describe_validation
from tests.fakes import make_agent, make_knowledge_base

FIELDS = {
    "agentName": "Desk",
    "agentType": "both",
    "sop": "Answer from the documents.",
    "knowledgeBaseDescription": "Policies of a shop.",
    "humanHandoffDescription": "When somebody was hurt.",
}


def refuse(**changes: str) -> list[dict[str, str]]:
    fields = {name: v for name, v in (FIELDS | changes).items() if v is not None}
    with pytest.raises(ValidationError) as caught:
        AgentForm.model_validate(fields)
    return describe_validation(caught.value)


def test_a_complete_form():
    found = AgentForm.model_validate(
        FIELDS | {"voiceConfig": '{"voice": "matthew"}', "fileDescriptions": '{"a.md": "Terms"}'}
    )
    assert found.model_dump()["voice_config"] == {"voice": "matthew"}
    assert found.file_descriptions == {"a.md": "Terms"}
    assert found.text_config is None


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_needed(name):
    [error] = refuse(**{name: None})
    assert error == {"field": name, "message": "Field required"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("agentName", "   "),
        ("agentName", "x" * 101),
        ("agentType", "fax"),
        ("agentType", "TEXT"),
        ("sop", "too short"),
        ("sop", "short" + " " * 20),
        ("knowledgeBaseDescription", "short"),
        ("knowledgeBaseDescription", "x" * 5_001),
        ("humanHandoffDescription", "short"),
        ("voiceConfig", "no json"),
        ("voiceConfig", "[1]"),
        ("voiceConfig", '"text"'),
        ("textConfig", "null"),
        ("textConfig", "{"),
        ("voiceConfig", '{"a": NaN}'),
        ("voiceConfig", '{"a": [1e400]}'),
        ("textConfig", '{"a": {"b": 1e-300}}'),
        ("textConfig", '{"a": ' + "9" * 50 + "}"),
        ("textConfig", '{"a": ' + "9" * 5_000 + "}"),
        ("voiceConfig", "[" * 500 + "]" * 500),
        ("voiceConfig", '{"a": {"": 1}}'),
        ("textConfig", '{"a": [{"": 1}]}'),
        ("textConfig", '{"a": ' * 17 + "1" + "}" * 17),
        ("fileDescriptions", '["a.md"]'),
        ("agentname", "Desk"),
    ],
)
def test_values_that_are_refused_by_name(name, value):
    assert [error["field"] for error in refuse(**{name: value})] == [name]


def test_a_description_must_be_text():
    assert refuse(fileDescriptions='{"a.md": 3}')[0]["field"] == "fileDescriptions.a.md"


def test_refusals_do_not_repeat_the_input():
    assert "hunter2" not in json.dumps(refuse(agentType="hunter2"))


def test_names_of_described_files_are_compared_in_one_unicode_form():
    name = unicodedata.normalize("NFD", "Größe.md")
    found = AgentForm.model_validate(FIELDS | {"fileDescriptions": json.dumps({name: "Sizes"})})
    assert found.file_descriptions == {"Größe.md": "Sizes"}


def test_a_view_hides_what_is_none_of_the_tenant_s_business():
    agent = make_agent(agentcore_agent_arn="arn:x", agent_code_sha256="0")
    view = AgentView.of(agent, make_knowledge_base(agent, {"a.md": b"x"}))
    shown = view.model_dump(mode="json", by_alias=True)
    assert shown["knowledgeBase"]["documents"][0]["path"] == "a.md"
    assert not {"agentcoreAgentArn", "agentCodeSha256", "dispatch"} & shown.keys()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"message": ""},
        {"message": "  "},
        {"message": "x" * 4_001},
        {"message": 3},
        {"message": "hi", "sessionId": "short"},
        {"message": "hi", "sessionId": "../../../etc"},
        {"message": "hi", "stream": True},
        {"message": "\ud800"},
        [],
        None,
        "hi",
    ],
)
def test_questions_that_are_refused(body):
    with pytest.raises(ValidationError):
        ChatRequest.model_validate(body)


@pytest.mark.parametrize("config", [{"x": ["warm", "\ud800"]}, {"x": {"\udfff": 1}}])
def test_half_a_character_in_a_configuration_is_refused(config):
    with pytest.raises(ValidationError, match="half a character"):
        AgentChange.model_validate({"text_config": config})


def test_a_question():
    question = ChatRequest.model_validate({"message": " Hi ", "sessionId": "abcd-1234"})
    assert (question.message, question.session_id) == ("Hi", "abcd-1234")


def test_the_setting_bounds_a_message(configure):
    configure(MAX_MESSAGE_CHARACTERS=5)
    assert ChatRequest.model_validate({"message": " Hello "}).message == "Hello"
    with pytest.raises(ValidationError, match="at most 5 characters"):
        ChatRequest.model_validate({"message": "Hello!"})
    assert ChatRequest.model_json_schema()["properties"]["message"]["maxLength"] == 5
