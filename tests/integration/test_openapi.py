"""The OpenAPI description: complete, valid, the committed one, and kept by the service."""

from __future__ import annotations

import json
import os
import re
from collections import Counter

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from openapi_spec_validator import validate
from schemathesis.specs.openapi.checks import positive_data_acceptance

from api.app import create_app
from api.openapi import DESCRIBED, build_openapi
from local.tokens import make_token
from tests.conftest import JWT_SECRET, ROOT
from tests.fakes import store_agent

COMMITTED = ROOT / "docs" / "openapi.json"
USER = "schemathesis"
# Generated for each route; `make fuzz-api` sets more.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "12"))


@pytest.fixture(scope="module")
def description() -> dict:
    return build_openapi(create_app())


def test_every_route_is_described():
    app = create_app()
    missing = [name for name, view in app.view_functions.items() if not hasattr(view, DESCRIBED)]
    assert missing == []


def test_it_is_valid_openapi(description):
    validate(description)
    assert description["openapi"].startswith("3.1")


def test_the_committed_one_is_this_one(description):
    message = "run `make openapi` and commit docs/openapi.json"
    assert json.loads(COMMITTED.read_text()) == description, message


def test_operations_have_names_of_their_own_and_a_summary(description):
    operations = [o for item in description["paths"].values() for o in item.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))
    assert all(operation["summary"].endswith((".", "`.")) for operation in operations)


def test_errors_are_problems(description):
    problem = {"$ref": "#/components/schemas/Problem"}
    for path, item in description["paths"].items():
        for operation in item.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400 and path != "/readyz":
                    assert answer["content"] == {"application/problem+json": {"schema": problem}}


def test_only_some_routes_need_no_token(description):
    public = {
        path
        for path, item in description["paths"].items()
        for operation in item.values()
        if operation.get("security") == []
    }
    assert public == {
        *("/livez", "/readyz", "/health", "/metrics"),
        *("/openapi.json", "/docs", "/docs/start.js", "/docs/{name}"),
    }


def test_it_is_served_with_a_page_that_loads_nothing_from_elsewhere(description):
    http = create_app().test_client()
    assert http.get("/openapi.json").json == description
    page = http.get("/docs")
    assert page.mimetype == "text/html"
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(addresses) == 3
    for address in addresses:
        asset = http.get(address)
        assert (asset.status_code, bool(asset.data)) == (200, True), address


@pytest.mark.parametrize("name", ["../app.py", "..%2f..%2fetc/passwd", "none.js", "js/"])
def test_the_page_s_files_are_these_only(name):
    assert create_app().test_client().get(f"/docs/{name}").status_code == 404


# -- schemathesis --------------------------------------------------------------------------------
app = create_app()
schema = schemathesis.openapi.from_wsgi("/openapi.json", app)


@pytest.fixture(scope="module")
def answers(request):
    """How often each status was answered; the sum is printed: it is what the run is worth."""
    counts = Counter()
    yield counts
    plugins = request.config.pluginmanager
    with plugins.get_plugin("capturemanager").global_and_fixture_disabled():
        print(f"\n{counts.total()} cases sent; answers: {dict(sorted(counts.items()))}")


@pytest.fixture
def short_streams(configure):
    """A stream of events ends after those there are."""
    configure(EVENT_STREAM_SECONDS=0)


# Emptied for each route: every request stores an agent, and moto copies the table to add one.
@pytest.mark.usefixtures("empty_stand_in", "no_airflow", "short_streams")
@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    suppress_health_check=list(HealthCheck),
)
def test_the_service_keeps_to_it(case, answers):
    send(case, answers)
    if "agent_id" in case.path_parameters:
        case.path_parameters["agent_id"] = store_agent(user_id=USER, status="failed").agent_id
        send(case, answers)


def send(case, answers):
    """One request; fails on a 5xx, an undocumented status or type, or another schema."""
    headers = {"Authorization": f"Bearer {make_token(USER, JWT_SECRET)}"}
    # What a schema cannot say (signed cursors, file names, sizes in bytes) is refused with 422.
    answer = case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])
    answers[answer.status_code] += 1
