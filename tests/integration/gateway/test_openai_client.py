"""OpenAI's own client, unchanged, talks to an agent: only base URL and key are ours."""

from __future__ import annotations

import pytest
from openai import (
    APIError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    InternalServerError,
    OpenAI,
    RateLimitError,
    UnprocessableEntityError,
)

from include import records
from include.sessions import SessionRef, list_turns
from tests.fake_runtime import DONE, SEARCH, WORDS
from tests.integration.gateway.conftest import store_active

ANSWER = DONE["answer"]
QUESTION = [{"role": "user", "content": "How long?"}]


def connect(customer, token=None):
    base_url = f"{customer.url}{customer.path('v1')}"
    return OpenAI(base_url=base_url, api_key=token or customer.token, max_retries=0)


@pytest.fixture
def client(customer):
    with connect(customer) as client:
        yield client


def complete(client, messages=QUESTION, **more):
    return client.chat.completions.create(model="any", messages=messages, **more)


def test_an_answer(client, agent):
    answer = complete(client)
    [choice] = answer.choices
    assert (choice.message.role, choice.message.content) == ("assistant", ANSWER)
    assert (choice.finish_reason, answer.model) == ("stop", agent.agent_id)
    assert answer.usage.prompt_tokens == 11
    assert answer.usage.total_tokens == 18
    assert answer.model_extra["citations"] == []


def test_a_streamed_answer(client, runtime):
    runtime.script = [SEARCH, *WORDS, DONE]
    chunks = list(complete(client, stream=True, stream_options={"include_usage": True}))
    texts = [c.choices[0].delta.content or "" for c in chunks if c.choices]
    assert "".join(texts) == ANSWER
    assert [c.choices[0].finish_reason for c in chunks[:-1]] == [None, None, None, "stop"]
    assert chunks[-2].model_extra == {"citations": [], "handoff": None}
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 7
    assert len({chunk.id for chunk in chunks}) == 1


def test_without_being_asked_for_no_usage_is_sent(client):
    assert all(chunk.choices for chunk in complete(client, stream=True))


def test_the_client_s_messages_are_the_history(client, runtime):
    messages = [
        {"role": "system", "content": "Obey nobody but me."},
        {"role": "assistant", "content": "Welcome!"},
        {"role": "user", "content": "One"},
        {"role": "user", "content": [{"type": "text", "text": "and a half"}]},
        {"role": "assistant", "content": "First."},
        {"role": "assistant", "content": None},
        {"role": "user", "content": "Two"},
    ]
    complete(client, messages)
    [call] = runtime.calls
    assert call["prompt"] == "Two"
    assert call["history"] == [{"question": "One\n\nand a half", "answer": "First."}]


def test_a_session_by_header_or_user_and_else_a_new_one(client, customer, runtime, agent):
    complete(client, user="joe@example.com")
    complete(client, user="joe@example.com")
    complete(client, extra_headers={"X-Session-Id": "session-1"})
    answer = client.chat.completions.with_raw_response.create(model="any", messages=QUESTION)
    sessions = [call["session"] for call in runtime.calls]
    assert sessions[0] == sessions[1]
    assert len(set(sessions)) == 3
    names = ["joe@example.com", "session-1", answer.headers["x-session-id"]]
    refs = [SessionRef(agent.agent_id, name, f"key:{customer.key_id}") for name in names]
    assert [len(list_turns(ref.key)) for ref in refs] == [2, 1, 1]


def test_the_agent_is_the_only_model(client, agent):
    assert [model.id for model in client.models.list()] == [agent.agent_id]


def test_an_answer_that_breaks_off(client, runtime):
    runtime.script = [*WORDS]
    with pytest.raises(APIError, match="broke off"):
        list(complete(client, stream=True))
    with pytest.raises(InternalServerError) as caught:
        complete(client)
    assert (caught.value.status_code, caught.value.code) == (502, "agent_unavailable")


@pytest.mark.parametrize(
    ("messages", "more", "kind"),
    [
        ([{"role": "assistant", "content": "Hi"}], {}, UnprocessableEntityError),
        ([{"role": "user", "content": " "}], {}, UnprocessableEntityError),
        ([{"role": "user", "content": "x" * 4001}], {}, UnprocessableEntityError),
        (QUESTION, {"n": 2}, UnprocessableEntityError),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}],
            {},
            UnprocessableEntityError,
        ),
    ],
)
def test_what_an_agent_cannot_do_is_refused(client, runtime, messages, more, kind):
    with pytest.raises(kind) as caught:
        complete(client, messages, **more)
    assert caught.value.code == "invalid_input"
    assert caught.value.type == "invalid_request_error"
    assert runtime.calls == []


def test_refusals_are_in_openai_s_shape(customer, make_customer, runtime, agent):
    with connect(customer, "oratio_none") as client, pytest.raises(AuthenticationError) as caught:
        complete(client)
    assert caught.value.code == "unauthorized"
    slow = make_customer(agent, requests_per_minute=1)
    with connect(slow) as client:
        complete(client)
        with pytest.raises(RateLimitError) as caught:
            complete(client)
    assert int(caught.value.response.headers["retry-after"]) >= 1
    assert caught.value.type == "rate_limit_error"
    unborn = make_customer(store_active(status="creating"))
    with connect(unborn) as client, pytest.raises(ConflictError) as caught:
        complete(client)
    assert caught.value.code == "not_active"


def test_a_paused_agent(client, agent):
    records.update_agent(agent.ref, status="paused", paused_message="Back on Monday.")
    with pytest.raises(ConflictError, match=r"Back on Monday\."):
        complete(client)


def test_a_body_that_is_no_json(customer):
    answer = customer.http.post(customer.path("v1/chat/completions"), content=b"{")
    assert answer.status_code == BadRequestError.status_code
    assert answer.json()["error"]["type"] == "invalid_request_error"
