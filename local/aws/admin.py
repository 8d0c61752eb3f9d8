"""What tests and operators ask of the stand-in itself: faults, the ledger, scripted models."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from pydantic import ValidationError
from werkzeug.wrappers import Request, Response

from local.aws.faults import FAULTS, Plan, read_plan
from local.aws.ledger import describe_ledger
from local.aws.models.scripts import SCRIPTS, Script

PREFIX = "/stand-in/"


def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer in JSON; 400 says what is wrong with a plan or a script."""
    request = Request(environ)
    routes: dict[tuple[str, str], Callable[[Request], Any]] = {
        ("GET", "faults"): lambda _: FAULTS.describe(),
        ("PUT", "faults"): put_faults,
        ("DELETE", "faults"): delete_faults,
        ("GET", "ledger"): lambda request: describe_ledger(request.args.get("agent")),
        ("GET", "models"): lambda _: SCRIPTS.describe(),
        ("PUT", "models"): put_script,
        ("DELETE", "models"): delete_script,
    }
    route = routes.get((request.method, request.path.removeprefix(PREFIX)))
    status, body = 404, {"error": f"The stand-in has no {request.method} {request.path}"}
    if route:
        try:
            status, body = 200, route(request)
        except ValidationError as error:
            status, body = 400, {"error": str(error)}
    response = Response(json.dumps(body), status, content_type="application/json")
    return response(environ, start_response)


def put_faults(request: Request) -> dict[str, Any]:
    """Switch on exactly this plan."""
    FAULTS.put(read_plan(request.get_data(as_text=True)))
    return FAULTS.describe()


def delete_faults(_: Request) -> dict[str, Any]:
    """Switch all faults off; what is held goes on."""
    FAULTS.put(Plan())
    return FAULTS.describe()


def put_script(request: Request) -> dict[str, Any]:
    """Let models answer by exactly this script."""
    SCRIPTS.put(Script.model_validate_json(request.get_data(as_text=True)))
    return SCRIPTS.describe()


def delete_script(_: Request) -> dict[str, Any]:
    """Let models answer for themselves again."""
    SCRIPTS.put(Script())
    return SCRIPTS.describe()
