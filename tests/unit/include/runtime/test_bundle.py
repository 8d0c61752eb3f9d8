"""Bundles are the same bytes for the same files, readable by AgentCore, and within its limits."""

from __future__ import annotations

import hashlib
import io
import zipfile

import pytest

from include.creator.check import CODE_FILE, CONFIG_FILE, VOICE_FILE
from include.errors import CodeRejectedError
from include.runtime import bundle
from include.runtime.bundle import build_bundle, compute_sha256, read_bundle

FILES = {"agent_file.py": b"print(1)\n" * 50, "agent.json": b"{}", "lib/x-1.0.dist-info/M": b"m"}


def test_order_and_clock_do_not_matter(monkeypatch):
    first = build_bundle(FILES)
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    assert build_bundle(dict(reversed(FILES.items()))) == first


def test_entries_are_plain_readable_files_with_a_fixed_date():
    with zipfile.ZipFile(io.BytesIO(build_bundle(FILES))) as archive:
        assert archive.namelist() == sorted(FILES)
        for entry in archive.infolist():
            assert entry.external_attr >> 16 == 0o100644
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert archive.read(entry) == FILES[entry.filename]


def test_sha256():
    assert compute_sha256(b"abc") == hashlib.sha256(b"abc").hexdigest()


@pytest.mark.parametrize("name", ["../x", "/x", "a/../b", "a\\b", "a//b", "", "a\nb", "./a", "é"])
def test_names_that_could_leave_the_folder_are_refused(name):
    with pytest.raises(CodeRejectedError, match="file named"):
        build_bundle({name: b""})


@pytest.mark.parametrize("limit", ["MAX_UNZIPPED_BYTES", "MAX_BUNDLE_BYTES"])
def test_agentcore_s_limits(monkeypatch, limit):
    monkeypatch.setattr(bundle, limit, 10)
    with pytest.raises(CodeRejectedError, match="takes 10"):
        build_bundle(FILES)


DEPENDENCIES = {"six.py": b"six" * 100, "pkg/__init__.py": b""}


def test_files_are_added_to_the_dependencies():
    base = build_bundle(DEPENDENCIES)
    found = build_bundle(FILES, base)
    with zipfile.ZipFile(io.BytesIO(found)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [*sorted(DEPENDENCIES), *sorted(FILES)]
        assert archive.read("six.py") == DEPENDENCIES["six.py"]
    assert base == build_bundle(DEPENDENCIES)
    assert build_bundle(FILES, base) == found


def test_an_agent_s_file_cannot_stand_in_for_a_package():
    with pytest.raises(CodeRejectedError, match=r"six\.py"):
        build_bundle({"six.py": b""}, build_bundle(DEPENDENCIES))


def test_dependencies_count_towards_the_limit(monkeypatch):
    base = build_bundle(DEPENDENCIES)
    monkeypatch.setattr(bundle, "MAX_UNZIPPED_BYTES", 300)
    with pytest.raises(CodeRejectedError, match="unzipped"):
        build_bundle({"agent.json": b"{}"}, base)


def test_the_agent_s_own_files_are_those_that_the_gate_lets_pass():
    assert {CODE_FILE, CONFIG_FILE, VOICE_FILE} == bundle.AGENT_FILES


def test_only_the_agent_s_own_files_are_read_back():
    own = {"agent_file.py": b"1", "agent.json": b"{}"}
    assert read_bundle(build_bundle(own, build_bundle(DEPENDENCIES))) == own
