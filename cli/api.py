"""The intake API over HTTP: answers as plain data, failures as errors with a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin

import httpx

from cli.errors import (
    CommandError,
    NotAuthorizedError,
    NotFoundError,
    TemporaryError,
    UnreachableError,
    UsageError,
)
from cli.settings import Settings

PAGE_SIZE = 1000  # the API's largest
# Reading: an upload is answered only after the last document is stored.
TIMEOUT = httpx.Timeout(30, connect=10, read=300)
ERROR_BY_STATUS: dict[int, type[CommandError]] = {
    401: NotAuthorizedError,
    403: NotAuthorizedError,
    404: NotFoundError,
    429: TemporaryError,
    502: TemporaryError,
    503: TemporaryError,
    504: TemporaryError,
}


class Api:
    """The API as one caller sees it."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def get(self, path: str) -> Any:
        """The JSON found at a path."""
        return read_json(self.send("GET", path))

    def post(self, path: str, **content: Any) -> Any:
        """The JSON that answers a POST; `content` is httpx's: json, or data and files."""
        return read_json(self.send("POST", path, **content))

    def patch(self, path: str, fields: dict[str, Any]) -> Any:
        """The JSON that answers a PATCH of these fields."""
        return read_json(self.send("PATCH", path, json=fields))

    def delete(self, path: str) -> Any:
        """The JSON that answers a DELETE."""
        return read_json(self.send("DELETE", path))

    def list_all(self, path: str, parameters: dict[str, str]) -> Iterator[dict[str, Any]]:
        """The members of a list, page after page."""
        answer = self.send("GET", path, params={"limit": str(PAGE_SIZE)} | parameters)
        while True:
            yield from read_json(answer)
            if (following := answer.links.get("next")) is None:
                return
            # Only the path: the API may stand behind a proxy and not know its own address.
            target = httpx.URL(urljoin(str(answer.url), following["url"]))
            answer = self.send("GET", target.raw_path.decode())

    def send(self, method: str, path: str, **content: Any) -> httpx.Response:
        """Send a request; anything but success is an error."""
        try:
            answer = self.http.request(method, path, **content)
        except httpx.TransportError as error:
            reason = str(error).rstrip(".") or type(error).__name__
            raise UnreachableError(f"{self.http.base_url} does not answer: {reason}.") from error
        if not answer.is_success:
            raise build_error(answer)
        return answer


@contextmanager
def open_api(settings: Settings) -> Iterator[Api]:
    """Connect as the settings say."""
    headers = {"Authorization": f"Bearer {settings.read_token()}"}
    if not settings.url.startswith(("http://", "https://")):
        raise UsageError(f"{settings.url!r} is no address of an API; give it as https://host.")
    try:
        http = httpx.Client(base_url=settings.url, headers=headers, timeout=TIMEOUT)
    except httpx.InvalidURL as error:
        raise UsageError(f"{settings.url!r} is no address: {error}.") from error
    with http:
        yield Api(http)


def read_json(answer: httpx.Response) -> Any:
    """The body of a successful answer."""
    try:
        return answer.json()
    except ValueError:
        raise CommandError(f"{answer.url} answers without JSON; is it an Oratio API?") from None


def build_error(answer: httpx.Response) -> CommandError:
    """The error for an answer that is no success."""
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict) or "detail" not in problem:
        problem = describe_foreign(answer)
    kind = ERROR_BY_STATUS.get(answer.status_code, CommandError)
    wait = answer.headers.get("Retry-After", "")
    message = describe_problem(problem, wait)
    if kind is TemporaryError:
        return TemporaryError(message, problem, float(wait) if wait.isdecimal() else 0)
    return kind(message, problem)


def describe_foreign(answer: httpx.Response) -> dict[str, Any]:
    """A problem for an answer that is not our API's, as of a proxy before it."""
    detail = f"{answer.url} answers {answer.status_code} {answer.reason_phrase}."
    if "location" in answer.headers:
        detail += f" It points to {answer.headers['location']}; give that as --url if it is right."
    return {"status": answer.status_code, "code": "unexpected_answer", "detail": detail}


def describe_problem(problem: dict[str, Any], wait: str) -> str:
    """The problem as sentences, one line for each field that is wrong."""
    fields = [f"  {each['field']}: {each['message']}" for each in list_fields(problem)]
    lines = [f"{problem.get('title', 'Refused')}:", *fields] if fields else [str(problem["detail"])]
    if wait.isdecimal():
        lines.append(f"Try again in {wait} s.")
    if problem.get("requestId"):
        lines.append(f"(request {problem['requestId']})")
    return "\n".join(lines)


def list_fields(problem: dict[str, Any]) -> list[dict[str, Any]]:
    """The problem's findings; a proxy's problem may have something else by that name."""
    errors = problem.get("errors")
    findings = errors if isinstance(errors, list) else []
    return [e for e in findings if isinstance(e, dict) and {"field", "message"} <= e.keys()]
