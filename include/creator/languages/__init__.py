"""Which language an SOP is in; another language is one more file, listed here."""

from __future__ import annotations

import re

from include.creator.cues import Cues
from include.creator.languages.english import ENGLISH
from include.creator.languages.german import GERMAN

LANGUAGES = (ENGLISH, GERMAN)  # the first is taken for a text in none of them
MIN_LEAD = 2  # one word may be common in both
WORD = re.compile(r"[^\W\d_]+")


def detect_language(text: str) -> Cues:
    """The language most of whose common words stand in the text."""
    return detect_leading_language(text, LANGUAGES[0], min_lead=1)


def detect_leading_language(text: str, otherwise: Cues, min_lead: int = MIN_LEAD) -> Cues:
    """The language whose common words lead in a passage; `otherwise` if none does."""
    words = WORD.findall(text.lower())
    ranked = sorted(
        ((sum(word in cues.common_words for word in words), n) for n, cues in enumerate(LANGUAGES)),
        reverse=True,
    )
    (best, n), (second, _) = ranked[:2]
    return LANGUAGES[n] if best >= second + min_lead else otherwise
