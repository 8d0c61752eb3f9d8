"""The packages of a bundle: what of an installed folder gets in, and always as the same bytes."""

from __future__ import annotations

import io
import os
import zipfile

import pytest

from include.errors import CodeRejectedError, ConfigurationError
from include.runtime import dependency_build
from include.runtime.dependencies import LOCK
from include.runtime.dependency_build import install, zip_folder

ARM64_BINARY = b"\x7fELF\x02\x01\x01" + b"\0" * 11 + b"\xb7\x00"
X86_BINARY = b"\x7fELF\x02\x01\x01" + b"\0" * 11 + b"\x3e\x00"


@pytest.fixture
def folder(tmp_path):
    files = {
        "six.py": b"x",
        "pkg/__init__.py": b"",
        "pkg/bin/tool.py": b"part of the package",
        "pkg/speed.so": ARM64_BINARY,
        "pkg/__pycache__/__init__.cpython-313.pyc": b"c",
        "pkg-1.dist-info/METADATA": b"Name: pkg",
        "pkg-1.dist-info/RECORD": b"r",
        "bin/tool": b"#!/home/me/python",
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path


def test_what_is_left_out(folder):
    with zipfile.ZipFile(io.BytesIO(zip_folder(folder))) as archive:
        assert archive.namelist() == [
            "pkg-1.dist-info/METADATA",
            "pkg/__init__.py",
            "pkg/bin/tool.py",
            "pkg/speed.so",
            "six.py",
        ]
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}


def test_dates_and_modes_of_the_folder_do_not_matter(folder):
    first = zip_folder(folder)
    os.utime(folder / "six.py", (0, 0))
    (folder / "six.py").chmod(0o600)
    assert zip_folder(folder) == first


def test_a_binary_of_another_machine_is_refused(folder):
    (folder / "pkg" / "speed.so").write_bytes(X86_BINARY)
    with pytest.raises(CodeRejectedError, match=r"pkg/speed\.so is not for Linux on arm64"):
        zip_folder(folder)


def test_a_link_is_refused(folder):
    (folder / "pkg" / "passwd").symlink_to("/etc/passwd")
    with pytest.raises(CodeRejectedError, match="link"):
        zip_folder(folder)


@pytest.mark.parametrize("limit", ["MAX_UNZIPPED_BYTES", "MAX_BUNDLE_BYTES"])
def test_agentcore_s_limits(folder, monkeypatch, limit):
    monkeypatch.setattr(dependency_build, limit, 10)
    with pytest.raises(CodeRejectedError, match="takes 10"):
        zip_folder(folder)


def test_the_installer_s_reason_is_told(folder, monkeypatch, tmp_path):
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\necho 'hash mismatch for six' >&2\nexit 2\n")
    uv.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(ConfigurationError, match="hash mismatch for six"):
        install(LOCK, "PYTHON_3_13", folder)


def test_a_missing_installer_is_named(folder, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.executable", str(tmp_path / "nothing" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(ConfigurationError, match="requirements-dev"):
        install(LOCK, "PYTHON_3_13", folder)


def test_every_locked_package_has_a_hash_and_the_version_tested_here():
    locked = [line for line in LOCK.read_text().splitlines() if "==" in line]
    assert all(line.endswith(" \\") for line in locked)
    assert "://" not in LOCK.read_text()
    ours = (LOCK.parents[2] / "requirements.lock").read_text()
    tested = {line.split(" ")[0] for line in ours.splitlines()}
    used = {"boto3", "strands-agents", "starlette", "bedrock-agentcore"}
    versions = {line.split(" ")[0] for line in locked}
    assert {version for version in versions if version.split("==")[0] in used} <= tested
