"""How the stand-in answers: many requests on one connection, and never half of an answer."""

from __future__ import annotations

import socket
import threading
from http.client import HTTPConnection, IncompleteRead

import pytest
from werkzeug.serving import make_server

from local.aws.connections import RequestHandler

SECONDS = 10


def echo(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def answer_unread(environ, start_response):
    start_response("403 Forbidden", [("Content-Length", "2")])
    return [b"no"]


def stream(environ, start_response):
    start_response("200 OK", [])
    return iter([b"one ", b"", b"two"])


def break_off(environ, start_response):
    start_response("200 OK", [])
    yield b"one "
    raise ConnectionAbortedError


CLOSED = threading.Event()


class Endless:
    """Says something for ever, until it is closed."""

    def __iter__(self):
        while True:
            yield b"more " * 10_000

    def close(self):
        CLOSED.set()


def stream_for_ever(environ, start_response):
    start_response("200 OK", [])
    return Endless()


def fail(environ, start_response):
    raise ValueError("a fault of the application")


def say_nothing(environ, start_response):
    start_response("204 No Content", [])
    return []


APPLICATIONS = {
    f"/{each.__name__}": each
    for each in (echo, answer_unread, stream, stream_for_ever, break_off, fail, say_nothing)
}


def route(environ, start_response):
    return APPLICATIONS[environ["PATH_INFO"]](environ, start_response)


@pytest.fixture(scope="module")
def port():
    server = make_server("127.0.0.1", 0, route, threaded=True, request_handler=RequestHandler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server.port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def connection(port):
    connection = HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    connection.connect()
    yield connection
    connection.close()


def ask(connection, path, body=None, method="POST", **headers):
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/echo", (200, b"x" * 100_000)),
        ("/answer_unread", (403, b"no")),
        ("/stream", (200, b"one two")),
        ("/say_nothing", (204, b"")),
    ],
)
def test_the_next_request_follows_on_the_same_connection(connection, path, expected):
    sock = connection.sock
    for _ in range(3):
        assert ask(connection, path, b"x" * 100_000) == expected
    assert connection.sock is sock


def test_a_body_in_chunks_is_read_to_its_end(connection):
    sock = connection.sock
    for path, expected in (("/echo", b"one two"), ("/answer_unread", b"no"), ("/echo", b"one two")):
        _, body = ask(connection, path, iter([b"one ", b"two"]))
        assert body == expected
    assert connection.sock is sock


def test_head_has_no_body(connection):
    assert ask(connection, "/stream", method="HEAD") == (200, b"")
    assert ask(connection, "/echo", b"next") == (200, b"next")


def test_an_answer_broken_off_is_no_whole_one(connection):
    with pytest.raises(IncompleteRead):
        ask(connection, "/break_off")


def test_the_application_learns_that_its_client_has_gone(connection, capfd):
    connection.request("GET", "/stream_for_ever")
    connection.getresponse().read(10)
    connection.close()
    assert CLOSED.wait(SECONDS)
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(("path", "is_logged"), [("/answer_unread", True), ("/echo", False)])
def test_only_errors_are_logged(connection, caplog, path, is_logged):
    with caplog.at_level("INFO", "werkzeug"):
        ask(connection, path)
    assert (path in caplog.text) is is_logged


def test_a_fault_of_the_application_is_an_error_of_the_server(connection, capfd):
    assert ask(connection, "/fail")[0] == 500
    assert "a fault of the application" in capfd.readouterr().err


def test_who_wants_to_close_may(connection):
    assert ask(connection, "/echo", b"last", Connection="close") == (200, b"last")
    assert connection.sock.recv(1) == b""


def test_a_body_is_asked_for_when_its_client_waits(port):
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as client:
        client.sendall(head)
        assert client.recv(100).startswith(b"HTTP/1.1 100 ")
        client.sendall(b"hi")
        answer = b""
        while not answer.endswith(b"hi"):
            answer += client.recv(1000)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_client_that_goes_in_the_middle_of_its_body_harms_nobody(port, connection, capfd):
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as client:
        client.sendall(b"POST /answer_unread HTTP/1.1\r\nContent-Length: 5\r\n\r\nab")
    assert ask(connection, "/echo", b"still there") == (200, b"still there")
    assert "Traceback" not in capfd.readouterr().err


def test_nothing_is_answered_when_nothing_was_said(port):
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as client:
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
