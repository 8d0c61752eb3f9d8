"""Bundles are refused for what AgentCore refuses, and unpacked whole."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from local.aws.agentcore.bundles import BundleError, check_bundle, unpack_bundle

ELF = b"\x7fELF" + bytes(14)


def make_zip(files: dict[str, bytes], mode: int = stat.S_IFREG | 0o644) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, content)
    return buffer.getvalue()


GOOD = {"agent_file.py": b"print()", "lib/x.so": ELF + (183).to_bytes(2, "little")}


def test_accepts_a_good_bundle() -> None:
    check_bundle(make_zip(GOOD), "agent_file.py")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"not a zip", "not a valid zip"),
        (make_zip({"other.py": b""}), "entrypoint could not be found"),
        (make_zip(GOOD | {"../evil.py": b""}), "unsafe path"),
        (make_zip(GOOD | {"/etc/evil": b""}), "unsafe path"),
        (make_zip(GOOD | {"a\\..\\evil": b""}), "unsafe path"),
        (make_zip(GOOD, mode=stat.S_IFLNK | 0o777), "symbolic link"),
        (
            make_zip(GOOD | {"y.so": ELF + (62).to_bytes(2, "little")}),
            "incompatible with Linux ARM64",
        ),
    ],
)
def test_refuses(content: bytes, reason: str) -> None:
    with pytest.raises(BundleError, match=reason):
        check_bundle(content, "agent_file.py")


def test_refuses_an_entry_point_that_is_no_python_file() -> None:
    with pytest.raises(BundleError, match="entrypoint"):
        check_bundle(make_zip({"run.sh": b""}), "run.sh")


def test_refuses_a_zip_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.aws.agentcore.bundles.MAX_UNZIPPED_BYTES", 10)
    with pytest.raises(BundleError, match="uncompressed size"):
        check_bundle(make_zip(GOOD), "agent_file.py")


def test_unpacks_over_what_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "old.py").touch()
    unpack_bundle(make_zip(GOOD), folder)
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.*")) == [
        "agent_file.py",
        "lib/x.so",
    ]
    assert list(tmp_path.iterdir()) == [folder]
