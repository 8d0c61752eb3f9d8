"""Ranks chunks against a question with BM25 over word stems and letter trigrams.

docs/retrieval.md has the measurements behind this choice.
"""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import Stemmer

# Saturation and length normalization: Lucene's defaults.
_K1 = 1.2
_B = 0.75

MIN_HITS = 5  # what Retrieve returns by default

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Hit:
    """Position of a chunk in the index and its score from 0 to 1."""

    position: int
    score: float


class Bm25Index:
    """An immutable index of texts, addressed by their position."""

    def __init__(self, texts: Sequence[str]) -> None:
        # Position and count in turn, eight bytes a pair: a big file has millions of them.
        self._postings: dict[str, array[int]] = defaultdict(lambda: array("I"))
        lengths = [self._add(position, text) for position, text in enumerate(texts)]
        mean = sum(lengths) / len(lengths) if lengths else 1.0
        self._norms = [_K1 * (1 - _B + _B * length / (mean or 1.0)) for length in lengths]

    def _add(self, position: int, text: str) -> int:
        counts = Counter(_terms(text))
        for term, count in counts.items():
            self._postings[term].extend((position, count))
        return counts.total()

    def search(self, question: str) -> list[Hit]:
        """Rank every text that shares a term with the question, best first.

        A score is the share of the question's term weight (idf) that the text covers. Fewer than
        MIN_HITS are made up with others at score 0: a search by vectors, too, always finds some.
        """
        weights = {term: self._idf(term) for term in _terms(question)}
        total = sum(weights.values())
        scores: dict[int, float] = defaultdict(float)
        for term, weight in weights.items():
            for position, count in self._find(term):
                scores[position] += weight * count / (count + self._norms[position])
        hits = [Hit(position, score / total) for position, score in scores.items()]
        others = (p for p in range(len(self._norms)) if p not in scores)
        hits += [Hit(position, 0.0) for position in islice(others, max(0, MIN_HITS - len(hits)))]
        return sorted(hits, key=lambda hit: (-hit.score, hit.position))

    def _find(self, term: str) -> Iterator[tuple[int, int]]:
        pairs = self._postings.get(term, array("I"))
        return zip(pairs[::2], pairs[1::2], strict=True)

    def _idf(self, term: str) -> float:
        found = len(self._postings.get(term, ())) // 2
        return math.log(1 + (len(self._norms) - found + 0.5) / (found + 0.5))


def _terms(text: str) -> Iterator[str]:
    words: list[str] = _WORD.findall(text.lower())
    # A stemmer keeps internal buffers, so each call gets its own: searches run in threads.
    yield from Stemmer.Stemmer("english").stemWords(words)
    for word in words:
        marked = f"^{word}"  # "^" ties a trigram to the start of a word and apart from stems
        yield from (f"{marked[i : i + 3]}~" for i in range(len(marked) - 2))
