"""Whether knowledge bases have stopped changing: one list for many who wait.

Bedrock takes few calls a second of an account. A handful of waiting agents ask about their own
knowledge base each; beyond that, one list answers all of a process.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from include.knowledge.bases import CHANGING_STATES, find_base, list_knowledge_bases

LOOK_SECONDS = 2.0
MAX_OWN_QUESTIONS = 5  # within one look


@dataclass
class Look:
    """What is known, and how often was asked, for some seconds."""

    began_at: float
    questions: int = 0
    statuses: dict[str, str] | None = None

    @property
    def is_over(self) -> bool:
        """Whether it is time for another one."""
        return time.monotonic() - self.began_at >= LOOK_SECONDS


class Observer:
    """Looks at the knowledge bases of the account, for all threads of the process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.look = Look(time.monotonic())

    def find_status(self, bedrock_id: str) -> str | None:
        """The status of a knowledge base, at most two seconds old; None when it is gone."""
        listed = self.find_listed_status(bedrock_id)
        if listed is None:  # a list may be behind
            found = find_base(bedrock_id)
            return str(found["status"]) if found else None
        return listed

    def find_listed_status(self, bedrock_id: str) -> str | None:
        """Its status in the list; None while few ask, so that no list is worth it."""
        with self.lock:
            if self.look.is_over:
                self.look = Look(time.monotonic())
            self.look.questions += 1
            if self.look.questions <= MAX_OWN_QUESTIONS:
                return None
            if self.look.statuses is None:
                self.look.statuses = list_statuses()
            return self.look.statuses.get(bedrock_id)


OBSERVER = Observer()


def list_statuses() -> dict[str, str]:
    """Every knowledge base's status, by id."""
    return {base["knowledgeBaseId"]: base["status"] for base in list_knowledge_bases()}


def is_knowledge_base_settled(id: str) -> bool:
    """Whether a knowledge base has stopped changing; one that is gone has."""
    return OBSERVER.find_status(id) not in CHANGING_STATES
