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
    """How often was asked within some seconds, and whether a list was read."""

    began_at: float
    questions: int = 0
    has_listed: bool = False

    @property
    def is_over(self) -> bool:
        """Whether it is time for another one."""
        return time.monotonic() - self.began_at >= LOOK_SECONDS


class Observer:
    """Looks at the knowledge bases of the account, for all threads of the process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.look = Look(time.monotonic())
        self.statuses: dict[str, str] = {}  # in the last list, less what was told as settled

    def find_status(self, bedrock_id: str) -> str | None:
        """The status of a knowledge base, or None when it is gone.

        That it changes was true two seconds ago at most. That it has settled may be from an older
        list, for it lasts; who asks a second time waits for another change, and is told anew.
        """
        listed = self.find_listed_status(bedrock_id)
        if listed is None:  # a list may be behind
            found = find_base(bedrock_id)
            return str(found["status"]) if found else None
        return listed

    def find_listed_status(self, bedrock_id: str) -> str | None:
        """Its status in a list; None while few ask, so that no list is worth it."""
        with self.lock:
            if not self.has_settled(bedrock_id):
                self.look_again()
            if self.has_settled(bedrock_id):
                return self.statuses.pop(bedrock_id)
            return self.statuses.get(bedrock_id) if self.look.has_listed else None

    def has_settled(self, bedrock_id: str) -> bool:
        """Whether the last list showed it so."""
        return self.statuses.get(bedrock_id, "CREATING") not in CHANGING_STATES

    def look_again(self) -> None:
        """Count a question; read the list once it is one of many."""
        if self.look.is_over:
            self.look = Look(time.monotonic())
        self.look.questions += 1
        if self.look.questions > MAX_OWN_QUESTIONS and not self.look.has_listed:
            self.statuses = list_statuses()
            self.look.has_listed = True


OBSERVER = Observer()


def list_statuses() -> dict[str, str]:
    """Every knowledge base's status, by id."""
    return {base["knowledgeBaseId"]: base["status"] for base in list_knowledge_bases()}


def is_knowledge_base_settled(id: str) -> bool:
    """Whether a knowledge base has stopped changing; one that is gone has."""
    return OBSERVER.find_status(id) not in CHANGING_STATES
