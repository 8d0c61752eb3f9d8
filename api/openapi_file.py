"""Prints the intake's OpenAPI document: `python -m api.openapi_file`."""

from __future__ import annotations

import json

from api.app import create_app
from api.openapi import build_openapi

if __name__ == "__main__":
    print(json.dumps(build_openapi(create_app()), indent=2, ensure_ascii=False))
