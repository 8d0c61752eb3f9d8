"""What all tests of the command line share: the intake over HTTP, its users, a folder."""

from __future__ import annotations

import os

import pytest

from api.app import create_app
from local.tokens import make_token
from tests.fakes import RETURNS, SOP, make_agent
from tests.http_server import serve_wsgi
from tests.terminal import Terminal, build_arguments


@pytest.fixture
def url(stand_in, airflow):
    """The intake on a free port."""
    with serve_wsgi(create_app()) as address:
        yield address


@pytest.fixture
def terminal(url):
    user_id = make_agent().user_id
    return Terminal(url, user_id, make_token(user_id, os.environ["JWT_SECRET"]))


@pytest.fixture
def stranger(url):
    return Terminal(url, "stranger", make_token("stranger", os.environ["JWT_SECRET"]))


@pytest.fixture
def folder(tmp_path):
    """Documents in two levels, with what a folder gathers over time."""
    root = tmp_path / "docs"
    (root / "policies").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("secret")
    (root / ".DS_Store").write_bytes(b"\0")
    (root / "policies" / "returns.md").write_bytes(RETURNS)
    (root / "hours.md").write_text("# Hours\n\nThe shop opens at nine and closes at six.\n")
    return root


@pytest.fixture
def arguments(folder, tmp_path):
    """`create` with all that it needs."""
    sop = tmp_path / "sop.md"
    sop.write_text(SOP)
    return build_arguments(folder, sop)
