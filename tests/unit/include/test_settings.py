"""Settings come from the environment and hide their secrets."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from include.settings import Settings, get_settings


def test_the_environment_decides(configure):
    configure(KNOWLEDGE_BASE_STORE="managed", KNOWLEDGE_BASE_QUOTA=7)
    assert get_settings().knowledge_base_store == "managed"
    assert get_settings().knowledge_base_quota == 7


def test_an_unknown_store_is_refused(configure):
    configure(KNOWLEDGE_BASE_STORE="shoebox")
    with pytest.raises(ValidationError, match="s3_vectors"):
        get_settings()


def test_secrets_are_not_printed(configure):
    configure(JWT_SECRET="do-not-show", AIRFLOW_PASSWORD="nor-this")
    assert "do-not-show" not in repr(get_settings())
    assert "nor-this" not in f"{get_settings().model_dump()}"


def test_settings_do_not_change():
    with pytest.raises(ValidationError):
        Settings().aws_region = "eu-west-1"
