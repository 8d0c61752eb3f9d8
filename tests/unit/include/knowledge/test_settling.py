"""Few who wait ask for themselves; many are answered from one list."""

from __future__ import annotations

import pytest

from include.knowledge import settling
from include.knowledge.settling import MAX_OWN_QUESTIONS, Observer


class Account:
    """Knowledge bases by id, and what was asked about them; `listed` is what a list shows."""

    def __init__(self, **statuses: str) -> None:
        self.statuses, self.listed = statuses, dict(statuses)
        self.gets: list[str] = []
        self.lists = 0

    def find(self, bedrock_id: str) -> dict[str, str] | None:
        self.gets.append(bedrock_id)
        status = self.statuses.get(bedrock_id)
        return {"status": status} if status else None

    def list(self) -> list[dict[str, str]]:
        self.lists += 1
        return [{"knowledgeBaseId": id, "status": s} for id, s in self.listed.items()]


@pytest.fixture
def account(monkeypatch):
    account = Account(A="CREATING", B="ACTIVE")
    monkeypatch.setattr(settling, "find_base", account.find)
    monkeypatch.setattr(settling, "list_knowledge_bases", account.list)
    return account


@pytest.fixture
def clock(monkeypatch):
    """`clock[0]` is the time."""
    clock = [1000.0]
    monkeypatch.setattr(settling.time, "monotonic", lambda: clock[0])
    return clock


def ask(observer: Observer, bedrock_id: str, times: int) -> list[str | None]:
    return [observer.find_status(bedrock_id) for _ in range(times)]


def test_few_ask_for_themselves(account, clock):
    assert ask(Observer(), "A", MAX_OWN_QUESTIONS) == ["CREATING"] * MAX_OWN_QUESTIONS
    assert (len(account.gets), account.lists) == (MAX_OWN_QUESTIONS, 0)


def test_many_are_answered_from_one_list(account, clock):
    assert ask(Observer(), "A", 1000) == ["CREATING"] * 1000
    assert (len(account.gets), account.lists) == (MAX_OWN_QUESTIONS, 1)


def test_the_list_is_read_again_after_some_seconds(account, clock):
    observer = Observer()
    ask(observer, "A", 1000)
    account.listed["A"] = account.statuses["A"] = "ACTIVE"
    clock[0] += settling.LOOK_SECONDS
    assert set(ask(observer, "A", 1000)) == {"ACTIVE"}
    assert account.lists == 2


def test_what_has_settled_needs_no_newer_list(account, clock):
    account.statuses = {f"KB{number}": "ACTIVE" for number in range(100)}
    account.listed = dict(account.statuses)
    observer = Observer()
    ask(observer, "A", MAX_OWN_QUESTIONS)
    for bedrock_id in account.listed:
        clock[0] += settling.LOOK_SECONDS / 10
        assert observer.find_status(bedrock_id) == "ACTIVE"
    assert account.lists == 1


def test_what_has_settled_is_told_once_for_it_may_change_again(account, clock):
    observer = Observer()
    ask(observer, "A", MAX_OWN_QUESTIONS)
    assert observer.find_status("B") == "ACTIVE"
    account.statuses["B"] = account.listed["B"] = "DELETING"
    assert observer.find_status("B") == "DELETING"


def test_what_the_list_misses_is_asked_for(account, clock):
    observer = Observer()
    ask(observer, "A", MAX_OWN_QUESTIONS)
    del account.listed["B"]
    assert observer.find_status("B") == "ACTIVE"
    assert observer.find_status("gone") is None


@pytest.mark.parametrize(("id", "settled"), [("A", False), ("B", True), ("gone", True)])
def test_what_is_gone_has_settled_too(account, clock, monkeypatch, id, settled):
    monkeypatch.setattr(settling, "OBSERVER", Observer())
    assert [settling.is_knowledge_base_settled(id) for _ in range(20)] == [settled] * 20
