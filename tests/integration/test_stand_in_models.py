"""Scripts for the stand-in's models, over the API and the AWS client."""

from __future__ import annotations

import pytest
import requests

from include.aws import client
from tests.steering import Steering


@pytest.fixture
def models(stand_in):
    steering = Steering(stand_in.url)
    yield steering
    steering.unscript()


def ask(text, role=None):
    metadata = {"requestMetadata": {"role": role}} if role else {}
    answer = client("bedrock-runtime").converse(
        modelId="m", messages=[{"role": "user", "content": [{"text": text}]}], **metadata
    )
    return answer["output"]["message"]["content"][0]["text"], answer


def test_answers_are_given_by_role_by_words_and_in_order(models):
    models.script(
        {"text": "first", "role": "planner"},
        {"text": "second", "role": "planner", "stop_reason": "max_tokens"},
        {"text": "marked", "match": "MARK"},
    )
    assert ask("any", "planner")[0] == "first"
    assert ask("the MARK")[0] == "marked"
    text, answer = ask("any", "planner")
    assert (text, answer["stopReason"]) == ("second", "max_tokens")


def test_what_nothing_fits_goes_to_the_model_as_ever(models):
    models.script({"text": "scripted", "role": "planner"})
    assert ask("Hello")[0] != "scripted"
    assert ask("Hello", "writer")[0] != "scripted"
    assert [call["scripted"] for call in models.model_calls()] == [False, False]


def test_calls_are_shown_and_tokens_are_counted_or_given(models):
    models.script({"text": "x" * 400, "input_tokens": 7}, {"text": "y", "output_tokens": 9})
    assert ask("Hello", "planner")[1]["usage"]["outputTokens"] == 100
    assert ask("Hello")[1]["usage"]["outputTokens"] == 9
    first, second = models.model_calls()
    assert first["requestMetadata"] == {"role": "planner"}
    assert second["messages"][0]["content"][0]["text"] == "Hello"
    shown = requests.get(f"{models.url}/models", timeout=10).json()
    assert [answer["given"] for answer in shown["answers"]] == [1, 1]


def test_an_answer_without_end_is_given_to_all(models):
    models.script({"text": "again", "count": None})
    assert {ask("Hello")[0] for _ in range(3)} == {"again"}


def test_a_long_answer_arrives_whole_in_a_stream(models):
    models.script({"text": "word " * 300})
    answer = client("bedrock-runtime").converse_stream(
        modelId="m", messages=[{"role": "user", "content": [{"text": "Hello"}]}]
    )
    deltas = [e["contentBlockDelta"] for e in answer["stream"] if "contentBlockDelta" in e]
    texts = [delta["delta"]["text"] for delta in deltas]
    assert "".join(texts) == "word " * 300
    assert len(texts) > 1


def test_without_a_script_nothing_is_kept(models):
    models.unscript()
    ask("Hello")
    assert models.model_calls() == []


def test_a_mistyped_script_is_refused(models):
    bad = requests.put(f"{models.url}/models", json={"answers": [{"txt": "x"}]}, timeout=10)
    assert bad.status_code == 400
    assert "txt" in bad.json()["error"]
