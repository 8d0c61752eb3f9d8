"""What the stand-in's server writes to its log."""

from __future__ import annotations

import pytest
from moto.moto_server.werkzeug_app import MotoRequestHandler

from local.aws.server import RequestHandler


@pytest.mark.parametrize(
    ("code", "is_logged"), [(200, False), ("204", False), (307, False), (404, True), ("500", True)]
)
def test_errors_only_are_logged(monkeypatch, code, is_logged):
    logged = []
    monkeypatch.setattr(MotoRequestHandler, "log_request", lambda *args: logged.append(args))
    RequestHandler.__new__(RequestHandler).log_request(code, "-")
    assert bool(logged) is is_logged
