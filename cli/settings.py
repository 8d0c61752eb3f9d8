"""The global options, checked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from cli.errors import NotAuthorizedError, UsageError

# What may stand in a header; a token with anything else was copied wrongly.
TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class Settings:
    """Where the API is, who is calling, and who reads the output."""

    url: str
    as_json: bool
    token: str | None = field(default=None, repr=False)
    token_file: Path | None = None

    def read_token(self) -> str:
        """The token itself, else the content of its file."""
        token = (self.token or self.read_token_file()).strip()
        if not token:
            raise NotAuthorizedError("There is no token. Set ORATIO_TOKEN or ORATIO_TOKEN_FILE.")
        if not TOKEN.fullmatch(token):
            raise UsageError("The token has spaces or other characters that no token has.")
        return token

    def read_token_file(self) -> str:
        """The content of the token file; nothing if none is set."""
        if self.token_file is None:
            return ""
        try:
            return self.token_file.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"The token file cannot be read: {error}.") from error
