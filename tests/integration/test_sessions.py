"""Sessions: sums and transcript of each, one caller's only, kept for a while, gone on request."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from include import lifecycle, sessions
from include.aws import client
from include.errors import NotFoundError
from include.handoffs import HandoffStatus, acknowledge, get_handoff, list_handoffs
from include.removal.sessions import remove_session
from include.sessions import SessionRef, TurnRecord, load_history, record_turn
from tests.fakes import knowledge_base_of, store_agent

HANDOFF = {"reason": "The customer was hurt.", "summary": "Fell off a Heron."}


@pytest.fixture
def agent(stand_in):
    return store_agent({}, status="active")


def refer(agent, caller="key-1", session_id="session-1"):
    return SessionRef(agent.agent_id, session_id, caller)


def say(agent, session, question="Hello?", **changes):
    answer = changes.pop("answer", f"Answer to {question}")
    record_turn(agent, session, TurnRecord(question=question, answer=answer, **changes))


def find(session):
    return sessions.find_session(session.agent_id, session.key)


def test_a_session_sums_its_turns_up(agent, configure):
    configure(INPUT_TOKEN_PRICE_USD=3, OUTPUT_TOKEN_PRICE_USD=15)
    session = refer(agent)
    tokens = {"input_tokens": 1_000, "output_tokens": 200, "duration_seconds": 1.5}
    say(agent, session, "One?", key_id="key-1", **tokens)
    say(agent, session, "Two?", key_id="key-1", error="The runtime was lost.", **tokens)

    found = find(session)

    assert (found.turns, found.errors) == (2, 1)
    assert (found.input_tokens, found.output_tokens, found.duration_seconds) == (2_000, 400, 3.0)
    assert found.cost_usd == pytest.approx(0.012)
    assert (found.caller, found.key_id, found.session_id) == ("key-1", "key-1", "session-1")
    assert found.started_at <= found.last_at


def test_the_history_is_what_was_answered(agent):
    session = refer(agent)
    for number in range(12):
        say(agent, session, f"{number}")
    say(agent, session, "lost", answer="Ha", error="The runtime was lost.")
    assert [turn.question for turn in load_history(session)] == [f"{n}" for n in range(2, 12)]
    assert len(sessions.list_turns(session.key)) == 13


def test_a_history_holds_what_an_agent_is_reminded_of_and_no_more(agent):
    session = refer(agent)
    citations = [{"document": "a.md", "passage": "30 days", "score": 0.5}]
    say(agent, session, "One?", citations=citations)
    (turn,) = load_history(session)
    assert (turn.question, turn.answer, turn.citations) == ("One?", "Answer to One?", [])
    assert load_history(refer(agent, "key-2")) == []


def test_callers_and_agents_do_not_share_a_session(agent):
    other = store_agent({}, user_id=agent.user_id, status="active")
    refs = [refer(agent), refer(agent, "key-2"), refer(other)]
    for number, ref in enumerate(refs):
        say(agent if ref.agent_id == agent.agent_id else other, ref, f"{number}")
    assert [[turn.question for turn in load_history(ref)] for ref in refs] == [["0"], ["1"], ["2"]]
    assert {session.session_key for session in sessions.list_sessions(agent.agent_id).entries} == {
        refs[0].key,
        refs[1].key,
    }
    assert sessions.find_session(other.agent_id, refs[0].key) is None


def test_turns_at_the_same_time_are_all_counted(agent):
    session = refer(agent)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: say(agent, session, f"{number}"), range(16)))
    assert find(session).turns == len(sessions.list_turns(session.key)) == 16


def test_what_does_not_fit_is_cut(agent):
    session = refer(agent)
    citations = [{"document": "a.md", "passage": "x" * 50_000, "score": 0.5}] * 30
    say(agent, session, "q" * 60_000, answer="ä" * 60_000, citations=citations)
    (turn,) = sessions.list_turns(session.key)
    assert len(turn.answer) == sessions.MAX_TEXT_CHARACTERS
    assert len(turn.citations) == sessions.MAX_CITATIONS
    assert len(turn.citations[0]["passage"]) == sessions.MAX_PASSAGE_CHARACTERS


def test_nothing_is_kept_of_a_deleted_agent(agent):
    lifecycle.delete_agent(agent, knowledge_base_of(agent))
    session = refer(agent)
    say(agent, session)
    assert find(session) is None
    assert sessions.list_turns(session.key) == []


def test_what_is_over_is_not_shown_although_it_is_still_stored(agent, monkeypatch):
    session = refer(agent)
    say(agent, session)
    over = find(session).expires_at + 1
    monkeypatch.setattr(sessions.time, "time", lambda: over)
    with pytest.raises(NotFoundError):
        sessions.get_session(agent.agent_id, session.key)
    assert sessions.list_turns(session.key) == []
    assert sessions.list_sessions(agent.agent_id).entries == []


def test_a_deleted_session_leaves_nothing(agent):
    session = refer(agent)
    for number in range(30):  # more than one call of DynamoDB deletes
        say(agent, session, f"{number}", handoff=HANDOFF)
    remove_session(find(session))
    sessions_left = client("dynamodb").scan(TableName="oratio-sessions")["Items"]
    turns_left = client("dynamodb").scan(TableName="oratio-turns")["Items"]
    assert not [item for item in sessions_left if item["sessionKey"]["S"] == session.key]
    assert not [item for item in turns_left if item["sessionKey"]["S"] == session.key]
    assert list_handoffs(agent.user_id).entries == []


def test_a_hand_off_is_recorded_once_until_it_is_acknowledged(agent):
    session = refer(agent)
    for _ in range(3):
        say(agent, session, "I fell.", handoff=HANDOFF)
    (handoff,) = list_handoffs(agent.user_id).entries
    assert (handoff.reason, handoff.summary) == (HANDOFF["reason"], HANDOFF["summary"])
    assert find(session).handoff_status == HandoffStatus.OPEN

    acknowledge(handoff)
    assert find(session).handoff_status == HandoffStatus.ACKNOWLEDGED
    say(agent, session, "Nobody called me.", handoff=HANDOFF)

    newest, oldest = list_handoffs(agent.user_id).entries
    assert (newest.status, oldest.status) == (HandoffStatus.OPEN, HandoffStatus.ACKNOWLEDGED)
    assert find(session).turns == 4
    assert get_handoff(agent.user_id, oldest.handoff_id).acknowledged_at


def test_turns_at_the_same_time_make_one_hand_off(agent):
    session = refer(agent)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: say(agent, session, f"{number}", handoff=HANDOFF), range(16)))
    assert len(list_handoffs(agent.user_id).entries) == 1
    assert find(session).turns == 16


def test_hand_offs_are_listed_by_status(agent):
    for number in range(3):
        say(agent, refer(agent, session_id=f"session-{number}"), handoff=HANDOFF)
    first = list_handoffs(agent.user_id).entries[-1]
    acknowledge(first)
    open_ones = list_handoffs(agent.user_id, HandoffStatus.OPEN).entries
    assert len(open_ones) == 2
    assert first.handoff_id not in {handoff.handoff_id for handoff in open_ones}
