"""The API's description of itself: /openapi.json, and a page to read and try it."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from flask import Blueprint, Response, abort, current_app

from api.openapi import build_openapi, describe

documentation = Blueprint("documentation", __name__)

# Swagger UI's own files, out of a Python wheel: the page loads nothing from other hosts.
ASSETS = files("flask_openapi_swagger") / "templates" / "swagger"
ASSET_TYPES = {
    "css/swagger-ui.css": "text/css",
    "js/swagger-ui-bundle.js": "text/javascript",
}
START = """SwaggerUIBundle({url: "/openapi.json", dom_id: "#page", validatorUrl: null});"""
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Oratio API</title>
<link rel="stylesheet" href="/docs/css/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="/docs/js/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
# Only what we serve ourselves; Swagger UI sets styles on elements and draws icons from data URLs.
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"


@documentation.get("/openapi.json")
@describe(tag="documentation", answers={200: "application/json"}, is_public=True)
def get_openapi() -> dict[str, Any]:
    """This description."""
    if "openapi" not in current_app.extensions:
        current_app.extensions["openapi"] = build_openapi(current_app)
    description: dict[str, Any] = current_app.extensions["openapi"]
    return description


@documentation.get("/docs")
@describe(tag="documentation", answers={200: "text/html"}, is_public=True)
def show_page() -> Response:
    """A page to read this description and to try the API."""
    response = Response(PAGE, mimetype="text/html")
    response.headers["Content-Security-Policy"] = POLICY
    return response


@documentation.get("/docs/start.js")
@describe(tag="documentation", answers={200: "text/javascript"}, is_public=True)
def get_start() -> Response:
    """The page's own script."""
    return Response(START, mimetype="text/javascript")


@documentation.get("/docs/<path:name>")
@describe(tag="documentation", answers={200: "*/*"}, is_public=True)
def get_asset(name: str) -> Response:
    """A style sheet or script of the page."""
    if name not in ASSET_TYPES:
        abort(404)
    return Response((ASSETS / name).read_bytes(), mimetype=ASSET_TYPES[name])
