from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.aws.knowledge import extract
from local.aws.knowledge.extract import ExtractionError, Extractor, Worker, find_media_type

# Made with LibreOffice, so that the binary formats are real ones.
DOCUMENTS = Path(__file__).with_name("documents")


@pytest.fixture(scope="module")
def extractor():
    extractor = Extractor(size=1)
    yield extractor
    extractor.close()


@pytest.mark.parametrize("name", ["returns.doc", "returns.docx", "returns.pdf"])
def test_reads_the_text_of_office_files(extractor, name):
    text = extractor.extract(name, (DOCUMENTS / name).read_bytes())

    assert "Goods may be returned within 30 days of delivery." in text
    assert "Lamp" in text
    assert "\r" not in text


@pytest.mark.parametrize("name", ["prices.xls", "prices.xlsx"])
def test_a_row_of_a_sheet_names_its_columns_and_its_sheet(extractor, name):
    text = extractor.extract(name, (DOCUMENTS / name).read_bytes())

    assert text.split("\n\n") == [
        "Prices 2025\nItem: Lamp, Price: 4.5",
        "Prices 2026\nItem: Lamp, Price: 5.5",
    ]


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.txt", "caf\u00e9".encode(), "caf\u00e9"),
        ("a.txt", "caf\u00e9".encode("cp1252"), "caf\u00e9"),
        ("a.txt", "caf\u00e9".encode("utf-16"), "caf\u00e9"),
        ("A.TXT", b"upper case suffix", "upper case suffix"),
        ("a.md", b"# Returns\n\nWithin **30 days**.", "Returns\n\nWithin 30 days."),
        ("a.html", b"<h1>Returns</h1><script>x()</script><p>30 days</p>", "Returns\n\n30 days"),
        ("a.csv", b"Item;Price\nLamp;4.50\n", "Item: Lamp, Price: 4.50"),
        ("a.csv", b"just one line\n", "just one line"),
    ],
)
def test_reads_text_formats(extractor, name, data, expected):
    assert extractor.extract(name, data).strip() == expected


@pytest.mark.parametrize("name", ["returns.doc", "returns.docx", "returns.pdf", "prices.xls"])
def test_a_truncated_file_is_reported(extractor, name):
    with pytest.raises(ExtractionError, match="cannot be read"):
        extractor.extract(name, (DOCUMENTS / name).read_bytes()[:3000])


def test_a_file_without_text_is_reported(extractor):
    with pytest.raises(ExtractionError, match="no text"):
        extractor.extract("a.txt", b" \n")


def test_an_unsupported_type_is_reported(extractor):
    assert find_media_type("picture.png") is None
    with pytest.raises(ExtractionError, match="not supported"):
        extractor.extract("picture.png", b"x")


def test_a_file_that_exhausts_the_memory_costs_only_itself():
    extractor = Extractor(size=1, memory_bytes=700 * 1024**2)
    with pytest.raises(ExtractionError, match="crashed its reader"):
        extractor.extract("big.csv", b"a,b,c\n" + b"1,2,3\n" * 2_000_000)

    assert extractor.extract("a.txt", b"still here") == "still here"
    extractor.close()


def test_a_file_that_takes_too_long_costs_only_itself():
    extractor = Extractor(size=1, timeout_seconds=0)
    with pytest.raises(ExtractionError, match="not read within 0 seconds"):
        extractor.extract("a.txt", b"slow")

    extractor.timeout_seconds = 60
    assert extractor.extract("a.txt", b"still here") == "still here"
    extractor.close()


def test_a_reader_that_died_while_idle_is_replaced(monkeypatch):
    workers = []

    def start(memory_bytes):
        workers.append(Worker(memory_bytes))
        return workers[-1]

    monkeypatch.setattr(extract, "Worker", start)
    extractor = Extractor(size=1)
    extractor.extract("a.txt", b"start a reader")
    workers[0].stop()

    assert extractor.extract("a.txt", b"again") == "again"
    assert len(workers) == 2
    extractor.close()


def test_two_files_are_read_side_by_side():
    extractor = Extractor(size=2)
    with ThreadPoolExecutor(4) as pool:
        texts = list(pool.map(lambda n: extractor.extract("a.txt", b"%d" % n), range(40)))

    assert texts == [str(number) for number in range(40)]
    extractor.close()
