"""Embeddings are unit vectors in which texts that share words are close."""

from __future__ import annotations

import math

import pytest

from local.aws.models.embeddings import embed


def similarity(one: str, other: str) -> float:
    return sum(a * b for a, b in zip(embed(one, 1024), embed(other, 1024), strict=True))


@pytest.mark.parametrize("dimensions", [256, 512, 1024])
def test_is_a_unit_vector_of_the_asked_size(dimensions: int) -> None:
    vector = embed("Refunds are paid within five days.", dimensions)
    assert len(vector) == dimensions
    assert math.isclose(math.hypot(*vector), 1.0)


def test_text_on_the_same_subject_is_closer() -> None:
    question = "When is my refund paid?"
    assert similarity(question, "Refunds are paid within five days.") > 0.4
    assert similarity(question, "The kettle holds two litres.") < 0.2


def test_text_without_words_has_no_direction() -> None:
    assert set(embed("?!", 256)) == {0.0}
