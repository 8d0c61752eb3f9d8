"""Answers of the API, and of what may stand before it, in the words of the command line."""

from __future__ import annotations

import httpx
import pytest

from cli.api import Api, build_error
from cli.errors import (
    CommandError,
    NotAuthorizedError,
    NotFoundError,
    TemporaryError,
    UnreachableError,
)

FORM_PROBLEM = {
    "title": "Invalid input",
    "status": 422,
    "detail": "sop: is too short; files: send one",
    "errors": [
        {"field": "sop", "message": "is too short"},
        {"field": "files", "message": "send one"},
    ],
    "requestId": "r1",
}


def answer(status, **more):
    return httpx.Response(status, request=httpx.Request("GET", "http://x/api/agents"), **more)


def serve(handler):
    return Api(httpx.Client(base_url="http://x", transport=httpx.MockTransport(handler)))


def test_each_field_has_a_line():
    error = build_error(answer(422, json=FORM_PROBLEM))
    assert str(error) == ("Invalid input:\n  sop: is too short\n  files: send one\n(request r1)")
    assert error.problem == FORM_PROBLEM


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, NotAuthorizedError),
        (403, NotAuthorizedError),
        (404, NotFoundError),
        (409, CommandError),
        (422, CommandError),
        (429, TemporaryError),
        (500, CommandError),
        (503, TemporaryError),
    ],
)
def test_the_status_decides_the_error(status, kind):
    assert type(build_error(answer(status, json={"detail": "x"}))) is kind


def test_a_busy_api_says_when_to_come_back():
    error = build_error(answer(429, json={"detail": "Slow."}, headers={"Retry-After": "7"}))
    assert isinstance(error, TemporaryError)
    assert error.retry_after_seconds == 7
    assert str(error) == "Slow.\nTry again in 7 s."


@pytest.mark.parametrize("errors", [None, "x", ["x"], [{"a": 1}]])
def test_errors_of_another_shape_are_left_out(errors):
    assert str(build_error(answer(400, json={"detail": "Wrong.", "errors": errors}))) == "Wrong."


@pytest.mark.parametrize("more", [{"text": "<html>"}, {"json": [1]}, {"json": {"a": 1}}, {}])
def test_an_answer_of_a_proxy_is_described(more):
    error = build_error(answer(502, **more))
    assert str(error) == "http://x/api/agents answers 502 Bad Gateway."
    assert error.problem["status"] == 502


def test_a_success_without_json_is_an_error():
    api = serve(lambda request: httpx.Response(200, text="<html>"))
    with pytest.raises(CommandError, match="is it an Oratio API"):
        api.get("/api/agents")


def test_no_answer_is_unreachable():
    def break_down(request):
        raise httpx.ConnectTimeout("")

    with pytest.raises(UnreachableError, match="http://x does not answer: ConnectTimeout"):
        serve(break_down).get("/api/agents")


@pytest.mark.parametrize(
    "following",
    ["/api/agents?status=a&cursor=2", "?status=a&cursor=2", "http://inside/api/agents?cursor=2"],
)
def test_all_pages_are_read(following):
    asked = []

    def handle(request):
        asked.append(request.url)
        if "cursor=2" in request.url.query.decode():
            return httpx.Response(200, json=[{"n": 3}])
        return httpx.Response(
            200, json=[{"n": 1}, {"n": 2}], headers={"Link": f'<{following}>; rel="next"'}
        )

    found = list(serve(handle).list_all("/api/agents", {"status": "a"}))
    assert [each["n"] for each in found] == [1, 2, 3]
    # The token goes nowhere else, whatever the link says.
    assert {(url.host, url.path) for url in asked} == {("x", "/api/agents")}
