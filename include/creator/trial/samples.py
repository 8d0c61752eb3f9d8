"""Passages of the tenant's own documents: the trial runs before the knowledge base is filled."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from include import records
from include.documents import read_beginning
from include.models import Agent
from include.settings import get_settings

PLAIN_TEXT = (".md", ".txt", ".markdown", ".csv")
MAX_PASSAGE_CHARACTERS = 1_500  # about a chunk of CHUNK_TOKENS
WORD = re.compile(r"[^\W_]+")

T = TypeVar("T")


@dataclass(frozen=True)
class Sample:
    """A piece of a document; `document` is its path below the agent's prefix."""

    document: str
    text: str

    @cached_property
    def words(self) -> frozenset[str]:
        """What a search compares; a trial searches often."""
        return frozenset(find_words(self.text))


def read_samples(agent: Agent) -> tuple[Sample, ...]:
    """Passages of some of the agent's documents; of other than plain text, their descriptions."""
    settings = get_settings()
    base = records.get_knowledge_base(agent.knowledge_base_id)
    paths = sorted(document.path for document in base.documents)
    plain = [path for path in paths if path.lower().endswith(PLAIN_TEXT)]
    samples: list[Sample] = []
    for path in spread(plain, settings.max_trial_documents):
        text = read_beginning(agent.ref, path, settings.max_trial_document_bytes)
        samples += (Sample(path, passage) for passage in cut_passages(text))
    described = base.folder_file_descriptions
    samples += (Sample(path, described[path]) for path in paths if described.get(path))
    return tuple(samples)


def spread(items: Sequence[T], limit: int) -> list[T]:
    """At most `limit` items, evenly from the whole sequence."""
    step = max(1.0, len(items) / limit) if limit else 1.0
    return [items[int(n * step)] for n in range(min(limit, len(items)))]


def cut_passages(text: str) -> Iterator[str]:
    """Paragraphs, gathered up to the size of a passage."""
    passage = ""
    for paragraph in re.split(r"\n\s*\n", text):
        if passage and len(passage) + len(paragraph) > MAX_PASSAGE_CHARACTERS:
            yield passage
            passage = ""
        passage = f"{passage}\n\n{paragraph}".strip()[: 2 * MAX_PASSAGE_CHARACTERS]
    if passage:
        yield passage


def search(samples: Iterable[Sample], query: str, limit: int) -> list[tuple[Sample, float]]:
    """The samples that share the rarest words with the query, best first."""
    searched, wanted = list(samples), set(find_words(query))
    frequency = Counter(word for sample in searched for word in sample.words)
    rarity = {w: math.log(1 + len(searched) / frequency[w]) for w in wanted if w in frequency}
    scored = [(sample, sum(rarity[w] for w in wanted & sample.words)) for sample in searched]
    best = max((score for _, score in scored), default=0.0)
    ranked = sorted(scored, key=lambda pair: -pair[1])
    return [(sample, round(score / best, 4)) for sample, score in ranked[:limit] if score > 0]


def find_words(text: str) -> list[str]:
    """Words, folded, cut to their first letters so that endings matter less."""
    return [word.casefold()[:6] for word in WORD.findall(text)]
