"""Words meet at one stem, whatever their ending."""

from __future__ import annotations

import pytest

from local.aws.models.terms import find_synonyms, find_terms, replace_phrases, stem


@pytest.mark.parametrize(
    "words",
    [
        ("delivery", "deliveries", "delivered", "deliver", "delivering"),
        ("cancel", "cancels", "cancelled", "canceled", "cancellation"),
        ("ship", "ships", "shipping", "shipment", "shipped"),
        ("price", "prices", "pricing"),
        ("pay", "pays", "paid", "payment"),
        ("policy", "policies"),
        ("address", "addresses"),
        ("employee", "employees"),
    ],
)
def test_forms_of_a_word_have_one_stem(words: tuple[str, ...]) -> None:
    assert len({stem(word) for word in words}) == 1


@pytest.mark.parametrize(("one", "other"), [("ship", "shop"), ("late", "latest"), ("pay", "play")])
def test_other_words_have_another_stem(one: str, other: str) -> None:
    assert stem(one) != stem(other)


def test_stop_words_are_dropped_and_figures_kept() -> None:
    assert find_terms("What is the price of 2.50 for E07?") == ["pric", "2.50", "e07"]


def test_a_way_of_asking_brings_the_word_of_the_documents() -> None:
    assert stem("return") in find_terms(replace_phrases("How do I send it back?"))
    assert stem("price") not in find_terms(replace_phrases("How much leave do I have?"))


def test_synonyms_are_stems_and_leave_the_term_out() -> None:
    assert stem("refund") in find_synonyms(stem("reimbursed"))
    assert stem("refund") not in find_synonyms(stem("refund"))
