"""The intake does not start with settings under which others could sign."""

from __future__ import annotations

import pytest

from api.app import create_app
from include.errors import ConfigurationError

SAFE = {
    "PRODUCTION": "true",
    "JWKS_URL": "https://cognito-idp.example/pool/.well-known/jwks.json",
    "CURSOR_SECRET": "c" * 32,
}


def test_production_starts_with_all_of_it(configure):
    configure(**SAFE)
    assert create_app()


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"JWKS_URL": ""}, "JWKS_URL"),
        ({"JWKS_URL": "http://cognito-idp.example/keys"}, "JWKS_URL"),
        ({"CURSOR_SECRET": ""}, "CURSOR_SECRET"),
        ({"CURSOR_SECRET": "short"}, "CURSOR_SECRET"),
        ({"PRODUCTION": "false", "JWKS_URL": "", "JWT_SECRET": "short"}, "JWT_SECRET"),
    ],
)
def test_it_refuses_anything_less(configure, changes, word):
    configure(**SAFE | changes)
    with pytest.raises(ConfigurationError, match=word):
        create_app()
