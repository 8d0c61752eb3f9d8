"""Deterministic text embeddings: terms and letter triples hashed into a normalized vector."""

from __future__ import annotations

import hashlib
import math

from local.aws.models.terms import find_terms

TRIPLE_WEIGHT = 0.3


def embed(text: str, dimensions: int) -> list[float]:
    """A unit vector; texts that share words are close. Empty text gives the zero vector."""
    vector = [0.0] * dimensions
    for term in find_terms(text):
        _add(vector, term, 1.0)
        padded = f"^{term}$"
        for start in range(len(padded) - 2):
            _add(vector, padded[start : start + 3], TRIPLE_WEIGHT)
    norm = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / norm for value in vector]


def _add(vector: list[float], feature: str, weight: float) -> None:
    digest = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest(), "big")
    vector[(digest >> 1) % len(vector)] += weight if digest & 1 else -weight
