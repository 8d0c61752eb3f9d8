"""Secrets of one embedded stack: made once, kept in `var/secrets.json`, readable by its owner."""

from __future__ import annotations

import base64
import json
import os
import secrets
from pathlib import Path

from pydantic import BaseModel, Field


def make_secret() -> str:
    """A random password of 32 letters, digits, `-` and `_`."""
    return secrets.token_urlsafe(24)


def make_fernet_key() -> str:
    """A key as Airflow's Fernet wants it: 32 random bytes in URL-safe base64."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


class Secrets(BaseModel):
    """All secrets of the stack."""

    jwt_secret: str = Field(default_factory=lambda: secrets.token_hex(32))
    airflow_admin_password: str = Field(default_factory=make_secret)
    airflow_intake_password: str = Field(default_factory=make_secret)
    airflow_jwt_secret: str = Field(default_factory=make_secret)
    airflow_api_secret: str = Field(default_factory=make_secret)
    airflow_fernet_key: str = Field(default_factory=make_fernet_key)


def load_secrets(var: Path) -> Secrets:
    """Read the stack's secrets, making them at first use."""
    path = var / "secrets.json"
    if not path.exists():
        write_private(path, Secrets().model_dump_json(indent=2))
    return Secrets.model_validate_json(path.read_text())


def write_airflow_passwords(var: Path, stack_secrets: Secrets) -> Path:
    """Write Airflow's password file for the administrator and the intake's account."""
    path = var / "airflow" / "passwords.json"
    passwords = {
        "admin": stack_secrets.airflow_admin_password,
        "intake": stack_secrets.airflow_intake_password,
    }
    write_private(path, json.dumps(passwords))
    return path


def write_private(path: Path, text: str) -> None:
    """Write a file only its owner can read, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    temporary.replace(path)
