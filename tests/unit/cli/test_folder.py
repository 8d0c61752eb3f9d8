"""Which files of a folder are sent, and how they are read."""

from __future__ import annotations

import os

import pytest

from cli.errors import CommandError, UsageError
from cli.folder import FileStream, read_folder


def write(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)


def test_sub_folders_are_kept(tmp_path):
    write(tmp_path, "b.md", "a/c.md", "a/b/d.md")
    assert read_folder(tmp_path).files == {
        name: tmp_path / name for name in ("b.md", "a/c.md", "a/b/d.md")
    }


def test_hidden_entries_are_skipped_and_named(tmp_path):
    write(tmp_path, "b.md", ".DS_Store", "a/.env", ".git/config")
    folder = read_folder(tmp_path)
    assert list(folder.files) == ["b.md"]
    assert sorted(folder.skipped) == [".DS_Store", ".git/", "a/.env"]


def test_links_to_folders_are_skipped_and_named(tmp_path):
    write(tmp_path, "docs/b.md", "elsewhere/secret.md")
    (tmp_path / "docs" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "docs" / "loop").symlink_to(tmp_path / "docs")
    folder = read_folder(tmp_path / "docs")
    assert list(folder.files) == ["b.md"]
    assert sorted(folder.skipped) == ["link/", "loop/"]


def test_what_is_no_plain_file_is_skipped(tmp_path):
    write(tmp_path, "b.md")
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "gone.md").symlink_to(tmp_path / "nowhere")
    assert sorted(read_folder(tmp_path).skipped) == ["gone.md", "pipe.md"]


def test_a_hidden_folder_may_be_named_itself(tmp_path):
    write(tmp_path, ".docs/b.md")
    assert list(read_folder(tmp_path / ".docs").files) == ["b.md"]


def test_a_single_file_is_sent_under_its_name(tmp_path):
    write(tmp_path, "b.md")
    assert list(read_folder(tmp_path / "b.md").files) == ["b.md"]


def test_a_folder_without_files_is_refused(tmp_path):
    write(tmp_path, ".hidden")
    with pytest.raises(UsageError, match="no files"):
        read_folder(tmp_path)


def test_a_name_that_is_not_utf_8_is_refused(tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9.md"
    with open(path, "wb") as file:
        file.write(b"x")
    with pytest.raises(UsageError, match="UTF-8"):
        read_folder(tmp_path)


def test_a_stream_tells_its_size_and_reports_each_piece(tmp_path):
    path = tmp_path / "a.md"
    path.write_bytes(b"0123456789")
    reported: list[int] = []
    stream = FileStream(path, reported.append)
    assert (stream.tell(), stream.seek(0, os.SEEK_END), stream.seek(0)) == (0, 10, 0)
    assert (stream.read(6), stream.read(6), stream.read(6)) == (b"012345", b"6789", b"")
    assert reported == [6, 4, 0]
    assert stream.file is not None
    assert stream.file.closed


@pytest.mark.parametrize("content", [b"0123456789and more", b"0123"])
def test_a_file_that_changes_on_the_way_is_an_error(tmp_path, content):
    path = tmp_path / "a.md"
    path.write_bytes(b"0123456789")
    stream = FileStream(path, lambda size: None)
    path.write_bytes(content)
    with pytest.raises(CommandError, match="changed while it was sent"):
        list(iter(lambda: stream.read(4), b""))


def test_a_file_that_vanishes_is_an_error(tmp_path):
    path = tmp_path / "a.md"
    path.write_bytes(b"0123456789")
    stream = FileStream(path, lambda size: None)
    path.unlink()
    with pytest.raises(CommandError, match="cannot be read"):
        stream.read(4)
