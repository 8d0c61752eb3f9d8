"""The English words by which an SOP's sentences are told apart; another language goes here."""

from __future__ import annotations

import re
from enum import Enum, auto


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
    """A verbose pattern that ignores case; write a space as `\\s`."""
    return re.compile(text, re.IGNORECASE | re.VERBOSE)


HEADING_TOPICS = {
    Topic.PROHIBITION: pattern(
        r"""\b(never|must\snot|may\snot|cannot|do\snot|don['\u2019]?ts?|not\sallowed|prohibit\w*|prohibitions?|forbidden
        |off[-\s]limits|restrictions?|red\slines|out\sof\sscope|taboos?)\b"""
    ),
    Topic.ESCALATION: pattern(
        r"""\b(escalat\w*|hand[-\s]?(?:off|over)s?|transfers?|human|supervisor|when\sto\scall)\b"""
    ),
    Topic.FACTS: pattern(
        r"""\b(collect\w*|gather\w*|information\s(?:needed|required|to)|data\s(?:needed|to)
        |details\s(?:needed|to)|what\sto\sask|ask\sfor|intake)\b"""
    ),
    Topic.TONE: pattern(
        r"\b(tone|style|voice|manner|language|how\sto\s(?:speak|talk|write|sound)|etiquette)\b"
    ),
    Topic.ROLE: pattern(r"\b(role|purpose|scope|mission|about|objective|goal|who\syou\sare)\b"),
    Topic.STEPS: pattern(r"\b(steps?|procedure|process|workflow|flow|handling|how\sto)\b"),
    Topic.RULES: pattern(r"\b(rules?|policy|policies|guidelines?|principles?|dos?|always|must)\b"),
}

PROHIBITION = pattern(
    r"""\b(never|you\smay\snot|must\s(?:not|never)|mustn['\u2019]?t|(?:shall|should)\s(?:not|never)|shouldn['\u2019]?t
    |under\sno\scircumstances?|in\sno\scase|on\sno\saccount
    |(?:is|are)\s(?:not|never)\s(?:allowed|permitted|authori[sz]ed|to\sbe)
    |(?:is|are)\s(?:strictly\s)?(?:forbidden|prohibited|off[-\s]limits)
    |refrain\sfrom|avoid|no\sexceptions?
    |(?:you|agents?|assistants?|staff)\s(?:may|can|will|are)\s?not|(?:you|agents?)\s(?:cannot|can['\u2019]t)
    |(?:not|nothing)\s(?:even\s)?(?:promise|disclose|reveal)|leave\s\w+(?:\s\w+)?\salone)\b"""
)
# "Do not" forbids when it addresses the agent, not in "we do not repair tires".
DO_NOT = pattern(r"\b(?:do\snot|don['\u2019]?t)\b")
OTHER_SUBJECTS = frozenset(
    {"we", "they", "i", "who", "which", "that", "it", "if", "people", "visitors", "users", "parts"}
    | {"customers", "callers", "guests", "patients", "clients", "documents", "items", "products"}
    | {"orders"}
)

ESCALATION = pattern(
    r"""\b(escalat\w+
    |hand\w*(?:\s\w+){0,5}?[-\s](?:off|over)\b|handoff|handover
    |hand(?:s|ed|ing)?\s(?:\w+\s){1,5}to\s(?:a|an|the|our)\s
    |(?<!bank\s)(?<!wire\s)transfer(?:s|red|ring)?(?!\s(?:money|funds|fees?|times?))\b
    |(?:connect|forward|pass|refer|route|redirect|put|switch)\s(?:\w+\s){0,5}?(?:through\s)?to\s
      (?:(?:a|an|the|our)\s)?(?:\w+[-\s]){0,2}?
      (?:human|person|people|colleagues?|supervisors?|managers?|specialists?|teams?|workshop
        |desk|staff|agents?|nurses?|doctors?|officers?|technicians?|department)
    |(?:bring|call|get|involve|notify|alert|inform|page|fetch)\s(?:in\s)?(?:(?:a|an|the|our)\s)?
      (?:\w+[-\s]){0,2}?(?:human|supervisor|manager|colleague|security|nurse|doctor|officer|police
        |emergency\sservices|on[-\s]call\s\w+|duty\s\w+|team\slead)
    |(?:human|live)\s(?:agent|colleague|being|operator))\b"""
)

ASK = pattern(
    r"""\b(?:ask(?:ing)?\b[^.:;]{0,40}?\bfor|collect|obtain|gather|request|find\sout|write\sdown
    |note\sdown|take\sdown|record|ask(?:\s\w+){0,3}?(?=\s(?:whether|which|what|when|where|how|who)\b))
    \s+(?P<facts>[^.:;!?]+)"""
)
# Verbs of many uses: they collect a fact only when one is named.
ASK_NAMED = pattern(
    r"""\b(?:get|take|note|confirm|verify)\s+(?P<facts>(?:(?:the|their|his|her|a)\s)?[^.:;!?,]{0,40}?
    \b(?:numbers?|names?|address(?:es)?|dates?|e-?mails?|phones?|postcodes?|identity|reference
    |photos?|receipts?|birth)\b[^.:;!?]*)"""
)
ASK_LEAD = pattern(r"\b(?:ask|collect|obtain|gather|request|note|record|need|find\sout|take)\b")
FACTS_END = pattern(
    r"""\s(?:before|so\sthat|in\sorder|if|unless|until|and\sthen|then|because|in\scase
    |to\s(?:check|find|verify|identify|confirm|make|open|look)
    |(?:and|,)\s(?:\w+ly\s)?(?:check|look|verify|confirm|send|open|tell|create|enter|ask|offer|make
      |compare|read|search|repeat|explain|use|note))\b.*"""
)
FACTS_SPLIT = pattern(r",\s*(?:(?:and|or)\s)?|\s+(?:and|or|as\swell\sas)\s+")
FACTS_LEADING = pattern(r"^(?:(?:for|the|their|his|her|a|an|all|any|your)\s+)+")

TONE = pattern(
    r"""\b(tone|polite(?:ly)?|friendly|courteous|empath\w+|formal(?:ly)?|professional(?:ly)?|calm(?:ly)?
    |warm(?:ly|th)?|concise|plain\s(?:language|words|english)|jargon|respectful(?:ly)?
    |(?:be|stay|remain)\s(?:brief|patient|kind|short|clear|neutral)|short\ssentences)\b"""
)
ROLE = pattern(
    r"""^(you\sare|you['\u2019]re|your\s(?:role|job|task)|act\sas|(?:this|the)\s(?:agent|assistant)\s
    (?:is|helps|handles|answers|supports)|(?:role|purpose)\s?:)"""
)
RULE = pattern(
    r"""\b(always|must|make\ssure|ensure|at\sall\stimes|every\stime|each\stime|required|have\sto
    |has\sto|need(?:s)?\sto|only|at\smost|at\sleast|without\sexception|mandatory)\b"""
)
SEQUENCE = pattern(
    r"^(first(?:ly)?|second(?:ly)?|third(?:ly)?|then|next|after\sthat|afterwards|"
    r"finally|lastly|to\s(?:begin|start)|at\sthe\send)\b"
)

WHEN = r"if|when|whenever|unless|in\scase|once|as\ssoon\sas|where|should"
CONDITION_FIRST = pattern(rf"^(?:and\s|but\s|also,?\s)?(?P<word>{WHEN})\s(?P<rest>.+)$")
CONDITION_LAST = pattern(
    r"^(?P<then>.+?),?\s(?P<word>if|when|whenever|unless|in\scase|as\ssoon\sas)\s(?P<when>.+)$"
)
OTHERWISE = pattern(
    r"^(?:otherwise|else|if\snot|in\s(?:all|any)\sother\scases?)[,:]?\s+(?P<then>.+)$"
)
# The comma between "if a, or b" and what then is to be done.
THEN = pattern(
    r"""(?:,|:|\s[\u2013\u2014-]|->|\u2192)(?!\s*(?:or|and|nor|but|including|even)\b)\s*(?:then\s)?
    |\sthen\s"""
)
# "Even if", "only when": what stands before is no order for one case.
NO_CASE = pattern(r"\b(?:even|also|only|just|except|not)$")
# "Escalate when:" announces cases, so that a "do not" among them forbids nothing.
CASES_FOLLOW = pattern(r"\b(?:if|when|whenever|where|in\scase)\s?:$")
QUESTION = pattern(r"^(?:whether|which|what|when|where|how|who)\b")
QUESTION_END = pattern(r",\s(?:and|then)\s.*")
