"""Words of a text reduced to comparable terms: stop words dropped, endings stripped."""

from __future__ import annotations

import re
from functools import lru_cache

WORD = re.compile(r"[a-z0-9]+(?:[.,]\d+)*(?:'[a-z]+)?")
_STOP_WORD_LIST = """
a about after again all also am an and any are as at be been before being both but by can could
did do does doing done down each either else far fast for from get gets getting give go goes got
had has have having he her here hers him his how i if in into is it its just let like long make
many may me might more most much must my need no not now of off often ok on once one only or other
our out over own per please quickly same shall she should so some soon such tell than thank thanks
that the their them then there these they thing this those through till time to too until up us
very want was we well were what when where which while who whom whose why will with without would
yes you your
"""
STOP_WORDS = frozenset(_STOP_WORD_LIST.split())
IRREGULAR = {
    "paid": "pay", "bought": "buy", "sent": "send", "lost": "lose", "broke": "break",
    "broken": "break", "kept": "keep", "left": "leave", "held": "hold", "sold": "sell",
    "people": "person", "children": "child", "used": "use", "using": "use", "uses": "use",
    "free": "free", "does": "do", "better": "good", "ate": "eat", "gave": "give",
}  # fmt: skip
# Ending -> letters that must remain. Applied again and again, so that "deliveries", "delivered"
# and "delivery" meet at the same stem.
ENDINGS = {
    "ization": 4, "ational": 4, "ation": 4, "ments": 3, "ment": 3, "ings": 3, "ing": 3,
    "ness": 4, "able": 4, "ible": 4, "ies": 4, "ied": 4, "ion": 5, "ers": 4, "ed": 3, "es": 4,
    "er": 4, "or": 4, "ly": 4, "al": 4, "ate": 4, "y": 4, "s": 3, "e": 4,
}  # fmt: skip
PHRASES = {
    r"(?:send|sent|sending|bring|bringing|give|take|hand)(?: \w+){0,3} back": "return",
    r"money(?: is| be)? back": "refund",
    r"get in touch|reach (?:you|out)": "contact",
    r"how much (?:is|are|does|do|will|would|must|to)": "price cost",
    r"days? off|time off": "leave vacation",
    r"log[ -]?in|sign[ -]?in": "login",
    r"e-mails?": "email",
    r"what time|opening times?": "hours",
}
SYNONYMS = (
    {"price", "cost", "fee", "charge", "rate"},
    {"refund", "reimburse", "repay", "money"},
    {"delivery", "shipping", "arrive", "dispatch"},
    {"phone", "telephone", "call"},
    {"cancel", "terminate"},
    {"begin", "start"},
    {"buy", "purchase", "order"},
    {"break", "damage", "defect", "faulty"},
    {"vacation", "leave", "holiday"},
    {"staff", "employee", "worker"},
    {"hours", "open", "close"},
    {"guarantee", "warranty", "covered"},
    {"return", "exchange"},
    {"contact", "email", "phone"},
    {"last", "valid", "expire", "duration"},
    {"pay", "payment", "card"},
    {"pay", "due", "deadline"},
    {"take", "accept"},
    {"allowed", "permitted", "accepted"},
    {"car", "vehicle"},
    {"location", "address", "located"},
)


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """The word without its endings; numbers stay as they are."""
    word = IRREGULAR.get(word.split("'")[0], word.split("'")[0])
    shorter = _strip_ending(word)
    while shorter != word:
        word, shorter = shorter, _strip_ending(shorter)
    return word


def _strip_ending(word: str) -> str:
    for ending, remaining in ENDINGS.items():
        if word.endswith(ending) and len(word) - len(ending) >= remaining:
            if ending == "s" and word.endswith("ss"):
                continue
            word = word[: -len(ending)]
            if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
                return word[:-1]
            return word[:-1] if word.endswith("ll") and len(word) > 4 else word
    return word


SYNONYM_STEMS = tuple(frozenset(stem(word) for word in group) for group in SYNONYMS)


def find_terms(text: str) -> list[str]:
    """The stems of a text's words in order, without stop words."""
    words = (word.split("'")[0] for word in WORD.findall(text.lower().replace("\u2019", "'")))
    return [stem(word) for word in words if word not in STOP_WORDS]


def replace_phrases(text: str) -> str:
    """Common ways of asking put into the word that documents use."""
    for pattern, word in PHRASES.items():
        text = re.sub(rf"\b(?:{pattern})\b", lambda m, w=word: f"{m[0]} {w}", text, flags=re.I)  # type: ignore[misc]
    return text


@lru_cache(maxsize=20_000)
def find_synonyms(term: str) -> frozenset[str]:
    """Stems that may stand for a stem."""
    return frozenset().union(*(group for group in SYNONYM_STEMS if term in group)) - {term}
