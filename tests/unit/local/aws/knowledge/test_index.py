import pytest

from local.aws.knowledge.index import MIN_HITS, Bm25Index

TEXTS = (
    "Goods may be returned within 30 days of delivery.",
    "Vouchers are valid for three years.",
    "The zip of a tent costs 29 EUR.",
)


def positions(question, texts=TEXTS):
    return [hit.position for hit in Bm25Index(texts).search(question)]


def test_finds_other_forms_of_a_word():
    assert positions("When can I return a delivered parcel?")[0] == 0


def test_finds_a_word_that_only_shares_letters():
    assert positions("zipper price")[0] == 2


def test_a_common_stem_beats_common_letters():
    assert positions("policies", ("police", "policy"))[0] == 1


def test_a_rare_word_weighs_more_than_a_common_one():
    texts = ("tent tent tent", "tent pegs", "tent poles")

    assert positions("tent pegs", texts)[0] == 1


def test_scores_lie_between_0_and_1_and_grow_with_what_is_covered():
    index = Bm25Index(TEXTS)

    exact, vague = (index.search(q)[0].score for q in (TEXTS[1], "valid passports of visitors"))

    assert 0 < vague < exact < 1


@pytest.mark.parametrize("question", ["qqq", "?!"])
def test_a_question_that_shares_nothing_finds_some_texts_at_score_0(question):
    assert [hit.score for hit in Bm25Index(TEXTS).search(question)] == [0.0] * len(TEXTS)


def test_texts_that_share_nothing_come_last():
    texts = ("the cat sleeps", "a dog barks", *TEXTS)
    hits = Bm25Index(texts).search("dog barks")
    assert hits[0].position == 1
    assert len(hits) == min(MIN_HITS, len(texts))


def test_an_empty_index_finds_nothing():
    assert positions("anything", ()) == []
