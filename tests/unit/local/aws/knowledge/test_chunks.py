from local.aws.knowledge.chunks import split_chunks


def test_consecutive_chunks_share_the_asked_overlap():
    words = [f"w{number}" for number in range(12)]

    chunks = [chunk.split() for chunk in split_chunks(" ".join(words), 5, 20)]

    assert chunks == [words[0:5], words[4:9], words[8:12]]


def test_a_text_that_fits_is_one_chunk_and_keeps_its_layout():
    text = "Returns\n\n- within 30 days,\n- unused."

    assert list(split_chunks(text, 500, 20)) == [text]


def test_a_text_without_words_gives_no_chunk():
    assert list(split_chunks(" \n\t", 500, 20)) == []


def test_punctuation_and_single_ideographs_count_as_tokens():
    assert list(split_chunks("日本語です。", 3, 33)) == ["日本語", "語です", "す。"]


def test_a_word_without_end_is_cut():
    assert [len(chunk) for chunk in split_chunks("x" * 60, 1, 1)] == [24, 24, 12]


def test_the_largest_overlap_still_advances():
    assert len(list(split_chunks("a b c d e", 2, 99))) == 4
