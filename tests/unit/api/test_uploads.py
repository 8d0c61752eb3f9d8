"""Which file names become keys in S3, and which description goes with which file."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers
from werkzeug.sansio.multipart import File

from api.document_types import SUPPORTED_TYPES
from api.form_stream import read_path
from api.schemas import AgentForm
from api.submission_checks import (
    Upload,
    check_descriptions,
    check_path,
    check_uploads,
    describe_paths,
)
from include.settings import Settings

LIMITS = Settings()
MAX_PATH_BYTES = LIMITS.max_path_bytes


def upload(path: str, size_bytes: int = 1) -> Upload:
    return Upload(path, size_bytes)


def describe(descriptions: dict[str, str]) -> AgentForm:
    return AgentForm.model_construct(file_descriptions=descriptions)


GOOD = [
    "a.md",
    "policies/returns.md",
    "deep/er/and/deeper/file.PDF",
    "with spaces and (brackets).docx",
    "Größe.xlsx",
    "手册.pdf",
    "a..b.txt",
    "..a.txt",
    "a&b=c.csv",
    "metadata.json.md",
    "a" * (MAX_PATH_BYTES - 3) + ".md",
]

BAD = [
    ("", "no name"),
    ("/etc/passwd.txt", "starts with"),
    ("a\\b.md", "backslash"),
    ("..\\a.md", "backslash"),
    ("a\nb.md", "control"),
    ("a\x00.md", "control"),
    ("a\x7f.md", "control"),
    ("a\u202egpj.md", "control"),  # right-to-left override
    ("a\u200b.md", "control"),  # zero-width space
    ("a\ufeff.md", "control"),
    ("a\u2028b.md", "control"),  # line separator
    ("a\ud800.md", "control"),
    ("../a.md", "`..`"),
    ("a/../../b.md", "`..`"),
    ("./a.md", "`..`"),
    ("a//b.md", "`..`"),
    ("a.md/", "`..`"),
    ("..", "`..`"),
    ("a.md.metadata.json", "metadata file"),
    ("a.md.METADATA.JSON", "metadata file"),
    ("a.exe", "unsupported"),
    ("a.json", "unsupported"),
    ("a", "unsupported"),
    (".md", "unsupported"),
    ("a.md ", "unsupported"),
    ("a.md.exe", "unsupported"),
    ("a" * MAX_PATH_BYTES + ".md", "longer"),
    ("漢" * (MAX_PATH_BYTES // 3) + ".md", "longer"),
]


@pytest.mark.parametrize("path", GOOD)
def test_names_that_are_taken(path):
    assert check_path(path, LIMITS) is None


@pytest.mark.parametrize("kind", sorted(SUPPORTED_TYPES))
def test_types_that_are_taken(kind):
    assert check_path(f"a{kind}", LIMITS) is None
    assert check_path(f"A{kind.upper()}", LIMITS) is None


@pytest.mark.parametrize(("path", "reason"), BAD)
def test_names_that_are_refused(path, reason):
    assert reason in check_path(path, LIMITS)


@given(st.text(max_size=30))
def test_a_name_that_is_taken_stays_below_its_prefix(text):
    path = f"{text}.md"
    if check_path(path, LIMITS) is None:
        assert not path.startswith("/")
        assert ".." not in path.split("/")
        assert path.encode().decode() == path


@pytest.mark.parametrize(
    ("uploads", "reason"),
    [
        ([], "at least one"),
        ([upload("a.md"), upload("a.md")], "2 times"),
        ([upload("a.md", 0)], "empty"),
        ([upload("a.md", 50 * 1024**2 + 1)], "larger than 50 MiB"),
        ([upload(f"{n}.md") for n in range(501)], "at most 500"),
    ],
)
def test_files_that_are_refused(uploads, reason):
    [error] = check_uploads(uploads, Settings())
    assert error["field"] == "files"
    assert reason in error["message"]


def test_the_largest_file_is_taken():
    assert check_uploads([upload("a.md", 50 * 1024**2)], Settings()) == []


def test_every_bad_file_is_named():
    errors = check_uploads([upload("a.exe"), upload("ok.md"), upload("b.md", 0)], Settings())
    assert ["a.exe" in errors[0]["message"], "b.md" in errors[1]["message"]] == [True, True]


def test_one_name_in_two_unicode_forms_is_one_name():
    names = [unicodedata.normalize(kind, "Größe.md") for kind in ("NFC", "NFD")]
    assert names[0] != names[1]
    uploads = [upload(read_path(File("files", name, Headers()))) for name in names]
    [error] = check_uploads(uploads, Settings())
    assert "2 times" in error["message"]


UPLOADS = [upload("policies/eu/returns.md"), upload("policies/terms.md"), upload("top.md")]


def test_a_file_s_own_description_goes_before_its_folder_s():
    descriptions = {
        "policies/eu/returns.md": "Returns",
        "policies": "Policies",
        "policies/eu/": "European policies",
    }
    assert describe_paths(describe(descriptions), UPLOADS) == {
        "policies/eu/returns.md": "Returns",
        "policies/terms.md": "Policies",
    }


def test_the_nearest_folder_describes_a_file():
    descriptions = {"policies": "Policies", "policies/eu/": "European policies"}
    assert describe_paths(describe(descriptions), UPLOADS) == {
        "policies/eu/returns.md": "European policies",
        "policies/terms.md": "Policies",
    }


def test_no_description_describes_nothing():
    assert describe_paths(describe({}), UPLOADS) == {}


@pytest.mark.parametrize("name", ["policies", "policies/", "policies/eu", "top.md"])
def test_descriptions_of_what_is_sent(name):
    assert check_descriptions({name: "x"}, UPLOADS) == []


@pytest.mark.parametrize("name", ["", "/", "polic", "policies/eu/returns", "other.md", "../top.md"])
def test_descriptions_of_something_else(name):
    [error] = check_descriptions({name: "x"}, UPLOADS)
    assert error["field"] == "fileDescriptions"
