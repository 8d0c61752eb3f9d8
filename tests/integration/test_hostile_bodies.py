"""Multipart bodies made to break a parser: each is refused in words, and none leaves anything."""

from __future__ import annotations

import os
from collections import Counter
from io import BytesIO
from zipfile import ZipFile

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from include import documents, lists
from include.aws import client
from include.models import AgentRef
from include.naming import agent_prefix
from include.settings import get_settings
from tests.fakes import FORM, list_keys, list_staged
from tests.raw_http import (
    BOUNDARY,
    FIELDS,
    FILE,
    USER,
    WHOLE,
    encode,
    post,
    read_memory,
    run_intake,
    serve_intake,
)

DOCUMENTS = "oratio-knowledge-bases"
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "1500"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))  # other bodies
KIND = f"multipart/form-data; boundary={BOUNDARY}"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
MIB = 1024 * 1024
BIG = 60 * MIB
MAX_GROWTH_MIB = 32


@pytest.fixture(scope="module")
def port(stand_in_url):
    with serve_intake(stand_in_url) as port:
        yield port


def file(name: str, content: bytes = b"text") -> tuple[str, bytes]:
    return f'name="files"; filename="{name}"', content


def with_files(*files: tuple[str, bytes]) -> bytes:
    return encode(*FIELDS, *files)


def with_part(part: bytes) -> bytes:
    """A whole form with one more part, written by hand."""
    return f"--{BOUNDARY}\r\n".encode() + part + b"\r\n" + WHOLE


def zipped(*names: str) -> bytes:
    stream = BytesIO()
    with ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, b"x" * 100)
    return stream.getvalue()


DISPOSITION = b"Content-Disposition: form-data; "
HOSTILE: dict[str, tuple[bytes, str, int]] = {
    # The frame
    "no boundary": (WHOLE, "multipart/form-data", 400),
    "empty boundary": (WHOLE, "multipart/form-data; boundary=", 400),
    "quoted empty boundary": (WHOLE, 'multipart/form-data; boundary=""', 400),
    "boundary of another": (WHOLE, "multipart/form-data; boundary=other", 400),
    "boundary beyond ascii": (WHOLE, "multipart/form-data; boundary=\xfc", 400),
    "boundary with regex": (WHOLE, "multipart/form-data; boundary=(a+)+$", 400),
    "empty": (b"", KIND, 400),
    "only the end": (f"--{BOUNDARY}--\r\n".encode(), KIND, 422),
    "only a beginning": (f"--{BOUNDARY}\r\n".encode(), KIND, 400),
    "cut in a field": (WHOLE[:120], KIND, 400),
    "cut in a file": (with_files(file("a.md", b"x" * 9_000))[:-4_000], KIND, 400),
    "no end": (WHOLE.removesuffix(b"--\r\n"), KIND, 400),
    "endless preamble": (b"x" * 300_000 + WHOLE, KIND, 413),
    "carriage returns": (with_files(file("a.exe", b"\r" * 2_000_000)), KIND, 422),
    "near boundaries": (with_files(file("a.exe", b"\r\n--frontie" * 90_000)), KIND, 422),
    # Headers of parts
    "no headers": (with_part(b"no headers at all\r\n\r\nx"), KIND, 400),
    "no disposition": (with_part(b"Content-Type: text/plain\r\n\r\nx"), KIND, 400),
    "disposition without name": (with_part(DISPOSITION + b"\r\n\r\nx"), KIND, 400),
    "latin-1 header": (with_part(DISPOSITION + b'name="\xe9"\r\n\r\nx'), KIND, 400),
    "header of 1 MB": (with_part(DISPOSITION + b"x" * 1_000_000), KIND, 413),
    "20,000 header lines": (with_part(b"A: b\r\n" * 20_000 + b"\r\nx"), KIND, 400),
    "null in a name": (with_part(DISPOSITION + b'name="a\0b"\r\n\r\nx'), KIND, 422),
    "mixed within": (with_part(DISPOSITION + b'name="sop"; filename=""\r\n\r\nx'), KIND, 422),
    # Amounts
    "2,000 parts": (encode(*FIELDS, *[(f'name="x{n}"', b"") for n in range(2_000)]), KIND, 413),
    "501 files": (with_files(*[file(f"{n}.md") for n in range(501)]), KIND, 422),
    "field of 1 MB": (encode(*FIELDS, FILE, ('name="more"', b"x" * 1_000_000)), KIND, 413),
    "fields of 1 MB": (
        encode(*FIELDS, FILE, *[(f'name="x{n}"', b"x" * 90_000) for n in range(11)]), KIND, 413),
    "file of 60 MiB": (with_files(file("a.md", b"x" * BIG)), KIND, 422),
    # Fields
    "twice the same field": (encode(*FIELDS, FIELDS[0], FILE), KIND, 422),
    "status assigned": (encode(*FIELDS, FILE, ('name="status"', b"active")), KIND, 422),
    "user assigned": (encode(*FIELDS, FILE, ('name="userId"', b"somebody")), KIND, 422),
    "file as field": (encode(*FIELDS, ('name="files"', b"text")), KIND, 422),
    "field as file": (encode(*FIELDS[1:], FILE, file("a", b"x")), KIND, 422),
    "field not in UTF-8": (encode(*FIELDS[1:], FILE, ('name="agentName"', b"\xff")), KIND, 400),
    # Names
    "parent folder": (with_files(file("../../etc/passwd.md")), KIND, 422),
    "absolute": (with_files(file("/etc/passwd.md")), KIND, 422),
    "drive": (with_files(file("C:\\\\a.md")), KIND, 422),
    "encoded parent": (
        with_files(("name=\"files\"; filename*=UTF-8''..%2f..%2fa.md", b"x")), KIND, 422),
    "right to left": (with_files(file("a\u202edm.md")), KIND, 422),
    "1,100 characters": (with_files(file("a" * 1_100 + ".md")), KIND, 422),
    "sidecar": (with_files(FILE, file("a.md.metadata.json", b"{}")), KIND, 422),
    "two forms of one name": (with_files(file("é.md"), file("e\u0301.md")), KIND, 422),
    "unknown file field": (
        encode(*FIELDS, FILE, ('name="avatar"; filename="a.md"', b"x")), KIND, 422),
    # Content
    "program as text": (with_files(file("a.txt", b"MZ\x90\0" + b"\0" * 90)), KIND, 422),
    "picture as PDF": (with_files(file("a.pdf", b"\x89PNG\r\n\x1a\n" + b"\0" * 90)), KIND, 422),
    "PDF as text": (with_files(file("a.txt", b"%PDF-1.7\n1 0 obj")), KIND, 422),
    "workbook as document": (with_files(file("a.docx", zipped("xl/workbook.xml"))), KIND, 422),
    "any zip as document": (with_files(file("a.docx", zipped("evil.exe"))), KIND, 422),
    "half a zip": (with_files(file("a.xlsx", zipped("xl/workbook.xml")[:150])), KIND, 422),
    "slides as document": (
        with_files(file("a.doc", OLE + "PowerPoint Document\0".encode("utf-16-le"))), KIND, 422),
    "UTF-16 as text": (with_files(file("a.csv", "a,b".encode("utf-16"))), KIND, 422),
}  # fmt: skip


def require_nothing(user_id: str) -> None:
    assert list_keys(DOCUMENTS, f"{user_id}/") == []
    assert list_staged(user_id) == []
    assert lists.list_agents(user_id).entries == []


def test_there_are_enough_of_them():
    assert len(HOSTILE) >= 40


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_is_refused_in_words(stand_in, port, name):
    body, kind, expected = HOSTILE[name]
    status, media_type, problem = post(port, body, kind.encode("utf-8").decode("latin-1"))
    assert (status, media_type) == (expected, "application/problem+json"), problem
    assert problem["detail"]
    require_nothing(USER)


def test_a_refusal_names_both_types(stand_in, port):
    body = with_files(file("a.pdf", b"\x89PNG\r\n\x1a\n" + b"\0" * 90))
    (error,) = post(port, body)[2]["errors"]
    assert ".pdf" in error["message"]
    assert "Portable Network Graphics" in error["message"]


TOKENS = [
    f"--{BOUNDARY}\r\n".encode(),
    f"--{BOUNDARY}--\r\n".encode(),
    f"\r\n--{BOUNDARY}".encode(),
    DISPOSITION,
    b'name="files"; filename="a.md"\r\n\r\n',
    b'name="sop"\r\n\r\n',
    b"filename*=UTF-8''%e2%82%ac.md",
    b"\r\n",
    b"\n",
    b"\r",
    b"--",
    b"\0",
    b'"',
    b"\\",
    b"=",
    b";",
    b"\xff\xfe",
]
PIECES = st.one_of(st.sampled_from(TOKENS), st.binary(max_size=40))


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """The good body with some stretches replaced."""
    body = bytearray(WHOLE)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = start + draw(st.integers(0, 60))
        body[start:end] = draw(PIECES)
    return bytes(body)


BODIES = st.one_of(mutations(), st.lists(PIECES, max_size=25).map(b"".join))


ROUND = 1_000  # examples after which all of the bucket and the memory are looked at


def remove_agent(user_id: str, agent_id: str) -> None:
    """Forget an agent that a harmless mutation has made, checking where its files are."""
    prefix, keys = agent_prefix(user_id, agent_id), list_keys(DOCUMENTS, f"{user_id}/")
    assert [key for key in keys if not key.startswith(prefix)] == []
    documents.delete_documents(AgentRef(user_id, agent_id, 1))
    key = {"userId": {"S": user_id}, "agentId": {"S": agent_id}}
    client("dynamodb").delete_item(TableName=get_settings().agents_table, Key=key)


def send_generated(port: int, number: int, examples: int) -> Counter[int]:
    """Send so many bodies, checking each answer; returns how often each status came."""
    counts: Counter[int] = Counter()

    @seed(number)
    @settings(
        max_examples=examples,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(BODIES)
    def check(body: bytes) -> None:
        status, _, answer = post(port, body)
        counts[status] += 1
        assert status in (201, 400, 413, 422), answer
        if status == 201:
            remove_agent(USER, answer["agentId"])

    check()
    return counts


def test_generated_bodies_are_answered_and_leave_nothing(stand_in, stand_in_url):
    limits = {"RATE_LIMIT_TENANT": "1000000/second", "MAX_AGENTS_PER_TENANT": "1000000"}
    counts: Counter[int] = Counter()
    with run_intake(stand_in_url, **limits) as (port, server):
        send_generated(port, SEED, 200)
        known, at_rest = set(list_keys(DOCUMENTS)), read_memory(server)
        for number, start in enumerate(range(0, EXAMPLES, ROUND), SEED + 1):
            counts += send_generated(port, number, min(ROUND, EXAMPLES - start))
            assert set(list_keys(DOCUMENTS)) == known
            assert list_staged(USER) == []
            grown = (read_memory(server) - at_rest) // MIB
            print(f"{counts.total()} bodies, {dict(counts)}, memory {grown:+} MiB", flush=True)
            assert grown <= MAX_GROWTH_MIB


def test_the_form_itself_is_good(sign_in, no_airflow):
    """What is mutated above would be taken as it is."""
    caller = sign_in()
    answer = caller.http.post("/api/agents", data=WHOLE, content_type=KIND, headers=caller.headers)
    assert answer.status_code == 201
    assert answer.json["agentName"] == FORM["agentName"]
