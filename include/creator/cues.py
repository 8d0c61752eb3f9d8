"""The words by which an SOP's sentences are told apart, one table a language, and their use.

The tables are in include/creator/languages/; nothing here knows a word of any of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

MAX_LOOK_BACK_CHARACTERS = 40


class Topic(Enum):
    """What a heading, a lead-in line or a sentence is about."""

    PROHIBITION = auto()
    ESCALATION = auto()
    FACTS = auto()
    TONE = auto()
    ROLE = auto()
    STEPS = auto()
    RULES = auto()


def pattern(text: str) -> re.Pattern[str]:
    """A verbose pattern that ignores case; write a space as `\\s`, a name as `(?-i:[A-Z])`."""
    return re.compile(text, re.IGNORECASE | re.VERBOSE)


@dataclass(frozen=True)
class Cues:
    """The cues of one language; patterns search a sentence unless their comment says more."""

    language: str
    common_words: frozenset[str]  # by which a text in this language is known
    heading_topics: Mapping[Topic, re.Pattern[str]]

    prohibition: re.Pattern[str]
    # Forbids what is done, but in a case it only tells of one: "if it cannot be found".
    prohibition_outside_cases: re.Pattern[str]
    cases: re.Pattern[str]  # the words of a case within a sentence, up to the next comma
    # "Do not" forbids when it addresses the agent, not in "we do not repair tires".
    do_not: re.Pattern[str]
    other_subjects: re.Pattern[str]  # at the end of what stands before "do not"
    role_limit: re.Pattern[str]  # forbids where the role is told: "it does not judge"

    escalation: re.Pattern[str]
    negation: re.Pattern[str]  # at the end of what stands before a cue that it turns round
    negative: re.Pattern[str]  # any word that denies something
    exception: re.Pattern[str]  # after it a negated cue counts again: "do not hand over unless"
    own_case: re.Pattern[str]  # the agent keeps the case: "solve it as for anybody else"
    as_before: re.Pattern[str]  # "same thing"

    ask: re.Pattern[str]  # group `facts`
    ask_named: re.Pattern[str]  # verbs of many uses: they collect a fact only when one is named
    ask_lead: re.Pattern[str]
    facts_end: re.Pattern[str]
    facts_split: re.Pattern[str]
    facts_leading: re.Pattern[str]
    question: re.Pattern[str]  # matches the start
    question_end: re.Pattern[str]

    tool: re.Pattern[str]  # an action in a system; one of the groups holds its name
    action: re.Pattern[str]  # an action that takes a system, which is not named
    tone: re.Pattern[str]
    role: re.Pattern[str]
    rule: re.Pattern[str]
    sequence: re.Pattern[str]  # matches the start

    condition_first: re.Pattern[str]  # groups `word` and `rest`
    condition_last: re.Pattern[str]  # groups `then`, `word` and `when`
    reversing_words: frozenset[str]  # "unless" turns the case round and stays with it
    otherwise: re.Pattern[str]  # group `then`
    then: re.Pattern[str]  # the border between a case and what is to be done in it
    run_on: re.Pattern[str]  # the same where the comma was forgotten
    order: re.Pattern[str]  # matches the start of what is to be done
    no_case: re.Pattern[str]  # "even if": what stands before is no order for one case
    # "Escalate when:" announces cases, so that a "do not" among them forbids nothing.
    cases_follow: re.Pattern[str]

    def topics_of_heading(self, text: str) -> set[Topic]:
        """Topics a heading names; one of dos and don'ts says nothing of a single item."""
        found = {topic for topic, cue in self.heading_topics.items() if cue.search(text)}
        if text.endswith("?"):
            return found & {Topic.ESCALATION}
        if {Topic.PROHIBITION, Topic.RULES} <= found and not self.forbids(text):
            found -= {Topic.PROHIBITION}
        return found

    def topics_of_sentence(self, text: str, *, is_lead: bool = False) -> set[Topic]:
        """Topics a sentence names by itself."""
        found = set()
        if self.forbids(text):
            found.add(Topic.PROHIBITION)
        if self.escalates(text):
            found.add(Topic.ESCALATION)
        if is_lead and not found and self.ask_lead.search(text):
            found.add(Topic.FACTS)
        if self.tone.search(text) and Topic.ESCALATION not in found:
            found.add(Topic.TONE)
        return found

    def forbids(self, text: str) -> bool:
        """Whether a sentence tells the agent not to do something."""
        if self.prohibition.search(text):
            return True
        if self.prohibition_outside_cases.search(self.cases.sub(" ", text)):
            return True
        return any(
            not self.other_subjects.search(before(text, found.start()))
            for found in self.do_not.finditer(text)
        )

    def escalates(self, text: str) -> bool:
        """Whether a sentence says when or how a person is brought in."""
        return self.find_wanted(self.escalation, text) is not None

    def find_wanted(self, cue: re.Pattern[str], text: str) -> re.Match[str] | None:
        """The first place of a cue that no "do not" before it turns round."""
        for found in cue.finditer(text):
            negated = self.negation.search(before(text, found.start()))
            if not negated or self.exception.search(text, found.end()):
                return found
        return None


def before(text: str, end: int) -> str:
    """The few words before an offset."""
    return text[max(0, end - MAX_LOOK_BACK_CHARACTERS) : end]
