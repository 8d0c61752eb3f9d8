"""Where the token comes from, and what is no token."""

from __future__ import annotations

import pytest

from cli.errors import NotAuthorizedError, UsageError
from cli.settings import Settings


def settings(**changes):
    return Settings(url="http://x", as_json=False, **changes)


def test_the_file_is_read_without_its_line_end(tmp_path):
    (tmp_path / "token").write_text("abc\n")
    assert settings(token_file=tmp_path / "token").read_token() == "abc"
    assert settings(token="xyz", token_file=tmp_path / "token").read_token() == "xyz"


@pytest.mark.parametrize("token", [None, "", " \n"])
def test_no_token_is_not_authorized(token):
    with pytest.raises(NotAuthorizedError):
        settings(token=token).read_token()


@pytest.mark.parametrize("token", ["a b", "a\nb", "caf\u00e9", "a\x00"])
def test_what_cannot_stand_in_a_header_is_no_token(token):
    with pytest.raises(UsageError) as caught:
        settings(token=token).read_token()
    assert token not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_wrong_usage(tmp_path, content):
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    with pytest.raises(UsageError, match="token file"):
        settings(token_file=tmp_path / "token").read_token()


def test_the_token_is_not_part_of_the_text_of_the_settings():
    assert "abc" not in repr(settings(token="abc"))
