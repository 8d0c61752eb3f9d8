"""The generated bundle as a process of its own, against a small endpoint that plays Bedrock."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import ThreadingHTTPServer

import pytest

from tests.generated_agent import start_agent, wait_until_healthy
from tests.scripted_bedrock import PASSAGES, PREFIX, Bedrock, build_handler


@pytest.fixture(scope="module", params=["s3_vectors"])
def agent(request, tmp_path_factory):
    bedrock = Bedrock()
    server = ThreadingHTTPServer(("127.0.0.1", 0), build_handler(bedrock))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    folder = tmp_path_factory.mktemp("agent")
    process, running = start_agent(folder, bedrock, server.server_port, request.param)
    try:
        wait_until_healthy(running, process)
        yield running
    finally:
        bedrock.gate.set()
        process.terminate()
        process.wait(timeout=20)
        server.shutdown()
        server.server_close()


def test_ping(agent):
    status, _, body = agent.request("GET", "/ping")
    assert (status, json.loads(body)["status"]) == (200, "Healthy")


def test_answer_with_citation(agent):
    status, answer = agent.ask("How long may I return it?")
    assert status == 200
    assert answer == {
        "answer": "You have 30 days [1].",
        "citations": [
            {"document": f"{PREFIX}policies/returns.md", "passage": PASSAGES[0][1], "score": 0.9}
        ],
        "handoff": None,
        "usage": {"inputTokens": 22, "outputTokens": 14},
    }


def test_what_the_model_sees(agent):
    agent.ask("How heavy?")
    request = agent.bedrock.converse[-1]
    assert "SOP: Customer desk of Fernhill Cycles" in request["system"][0]["text"]
    [block] = request["messages"][-1]["content"]
    [result] = block["toolResult"]["content"]
    assert result["text"].startswith(
        "[1] (document: policies/returns.md)\nBicycles may be returned within 30 days.\n\n[2] (doc"
    )
    assert "Bob" not in result["text"]
    tools = {t["toolSpec"]["name"]: t["toolSpec"] for t in request["toolConfig"]["tools"]}
    assert set(tools) == {"retrieve", "hand_off_to_human"}
    assert tools["retrieve"]["inputSchema"]["json"]["required"] == ["query"]
    assert set(tools["hand_off_to_human"]["inputSchema"]["json"]["properties"]) == {
        "reason",
        "summary",
    }
    assert "When somebody was hurt." in tools["hand_off_to_human"]["description"]


def test_searches_go_to_its_own_knowledge_base(agent):
    agent.ask("How " + "long " * 400)
    path, request = agent.bedrock.retrieve[-1]
    assert path == "/knowledgebases/ABCDEFGHIJ/retrieve"
    assert request["retrievalConfiguration"] == {
        "vectorSearchConfiguration": {"numberOfResults": 5}
    }
    assert len(request["retrievalQuery"]["text"]) == 1_000


@pytest.mark.parametrize("agent", ["managed"], indirect=True)
def test_managed_knowledge_bases_are_searched_in_their_own_way(agent):
    assert agent.ask("How?")[0] == 200
    configuration = agent.bedrock.retrieve[-1][1]["retrievalConfiguration"]
    assert configuration == {"managedSearchConfiguration": {"numberOfResults": 5}}


def test_hand_off(agent):
    _, answer = agent.ask("person")
    assert answer["handoff"] == {"reason": "asked", "summary": "wants a person"}
    assert answer["citations"] == []


def test_stream(agent):
    events = agent.stream("How long?")
    assert [event["type"] for event in events] == ["tool", "text", "text", "done"]
    assert events[0]["name"] == "retrieve"
    assert "".join(e["text"] for e in events[1:3]) == events[3]["answer"] == "You have 30 days [1]."
    assert events[3]["citations"][0]["document"].endswith("policies/returns.md")
    assert events[3]["handoff"] is None


def test_a_session_remembers_words_but_no_passages(agent):
    session = "s" * 40
    agent.ask("How long?", session)
    agent.ask("Thanks", session)
    messages = agent.bedrock.converse[-1]["messages"]
    assert [(m["role"], m["content"][0]["text"]) for m in messages] == [
        ("user", "How long?"),
        ("assistant", "You have 30 days [1]."),
        ("user", "Thanks"),
    ]


def test_a_history_replaces_what_the_session_remembers(agent):
    session = "h" * 40
    agent.ask("Forget me", session)
    history = [
        {"question": "How long?", "answer": "30 days."},
        {"question": "Are you there?", "answer": ""},
    ]
    body = json.dumps({"prompt": "Thanks", "history": history}).encode()
    assert agent.request("POST", "/invocations", body, session)[0] == 200
    agent.ask("Bye", session)
    messages = agent.bedrock.converse[-1]["messages"]
    assert [m["content"][0]["text"] for m in messages] == [
        "How long?",
        "30 days.",
        "Thanks",
        "You said Thanks.",
        "Bye",
    ]


@pytest.mark.parametrize("history", ["x", [1], [{"question": "x"}], [{"question": 1, "answer": 2}]])
def test_a_history_that_is_none(agent, history):
    body = json.dumps({"prompt": "Hello", "history": history}).encode()
    assert agent.request("POST", "/invocations", body)[0] == 400


def test_memory_is_bounded_and_starts_with_the_user(agent):
    session = "m" * 40
    for number in range(13):
        agent.ask(f"n{number}", session)
    messages = agent.bedrock.converse[-1]["messages"]
    assert len(messages) == 21
    assert (messages[0]["role"], messages[0]["content"][0]["text"]) == ("user", "n2")


def test_sessions_do_not_see_each_other(agent):
    agent.ask("secret word", "a" * 40)
    agent.ask("hello", "b" * 40)
    assert "secret" not in json.dumps(agent.bedrock.converse[-1]["messages"])
    agent.ask("hello")
    assert len(agent.bedrock.converse[-1]["messages"]) == 1


def test_one_turn_at_a_time_in_a_session_while_others_go_on(agent):
    bedrock, session = agent.bedrock, "w" * 40
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(agent.ask, "wait", session) for _ in range(3)]
        assert bedrock.entered.wait(timeout=60)
        assert agent.ask("hello", "x" * 40) == (
            200,
            {
                "answer": "You said hello.",
                "citations": [],
                "handoff": None,
                "usage": {"inputTokens": 11, "outputTokens": 7},
            },
        )
        bedrock.gate.set()
        assert [future.result()[0] for future in waiting] == [200, 200, 200]
    assert bedrock.most_running == 1


def test_a_failed_model_call_says_why_without_names(agent):
    session = "f" * 40
    status, body = agent.ask("break", session)
    assert (status, list(body)) == (500, ["error"])
    assert "AccessDeniedException" in body["error"]
    assert "123456789012" not in body["error"]
    [event] = agent.stream("break")
    assert event == {"type": "error", "message": body["error"]}
    assert agent.ask("hello", session)[0] == 200
    assert len(agent.bedrock.converse[-1]["messages"]) == 1


def test_a_failed_search_fails_the_turn(agent):
    status, body = agent.ask("lost")
    assert (status, body) == (500, {"error": "The agent could not search its knowledge base."})
    assert agent.stream("lost")[-1]["type"] == "error"
    assert "123456789012" not in json.dumps(agent.bedrock.converse[-1]["messages"])


def test_a_model_that_only_searches_is_stopped(agent):
    before = len(agent.bedrock.converse)
    status, body = agent.ask("loop")
    assert (status, "limit" in body["error"]) == (500, True)
    assert len(agent.bedrock.converse) - before == 8


@pytest.mark.parametrize("prompt", ["", "  ", None, 3, ["x"], "x" * 20_001])
def test_bad_prompts(agent, prompt):
    status, body = agent.ask(prompt)
    assert (status, list(body)) == (400, ["error"])


def test_bodies_that_are_no_request(agent):
    assert agent.request("POST", "/invocations", b"[1]")[0] == 400
    assert agent.request("POST", "/invocations", b"{")[0] == 400
