"""What is sent goes to the address that was checked, once, and nowhere else."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from include.errors import DeliveryFailedError
from include.webhooks import sender
from tests.receiver import serve_receiver

BODY = b'{"type": "ping"}'


@pytest.fixture
def receiver():
    with serve_receiver() as receiver:
        yield receiver


@pytest.fixture
def names(monkeypatch):
    """What names resolve to: each look-up takes the next answer, the last one for ever."""
    answers, asked = {}, []

    def look_up(host, port):
        asked.append(host)
        if host not in answers:
            raise socket.gaierror("unknown")
        left = answers[host]
        return left.pop(0) if len(left) > 1 else left[0]

    monkeypatch.setattr(sender, "look_up", look_up)
    answers["asked"] = asked
    return answers


@pytest.fixture
def connections(monkeypatch):
    """Where connections would go, of which none is made."""
    made = []

    async def connect_tcp(self, host, port, *more, **options):
        made.append((host, port))
        raise sender.httpcore.ConnectError("refused")

    monkeypatch.setattr(sender.httpcore.AnyIOBackend, "connect_tcp", connect_tcp)
    return made


def send(url, body=BODY):
    asyncio.run(sender.send(url, {"webhook-id": "msg_1"}, body))


def test_a_receiver_gets_headers_and_body(receiver, configure):
    configure(WEBHOOK_DEVELOPMENT="true")
    send(receiver.url)
    ((headers, body),) = receiver.requests
    assert (headers["webhook-id"], body) == ("msg_1", BODY)
    assert headers["host"] == receiver.url.split("/")[2]


@pytest.mark.parametrize("status", [200, 204, 299])
def test_what_is_taken_is_taken(receiver, configure, status):
    configure(WEBHOOK_DEVELOPMENT="true")
    receiver.statuses = [status]
    send(receiver.url)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 410, 500])
def test_anything_else_is_a_failure_and_no_redirect_is_followed(receiver, configure, status):
    configure(WEBHOOK_DEVELOPMENT="true")
    receiver.statuses = [status]
    receiver.location = receiver.url
    with pytest.raises(DeliveryFailedError, match=f"HTTP {status}"):
        send(receiver.url)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["1.1.1.1", "10.0.0.1"], ["::ffff:7f00:1"]],
)
def test_a_name_that_leads_inside_is_refused(names, connections, addresses):
    names["example.com"] = [addresses]
    with pytest.raises(DeliveryFailedError, match="public internet"):
        send("https://example.com/")
    assert connections == []


def test_a_name_that_changes_is_looked_up_once(names, connections):
    names["example.com"] = [["1.1.1.1"], ["127.0.0.1"]]
    with pytest.raises(DeliveryFailedError):
        send("https://example.com/")
    assert connections == [("1.1.1.1", 443)]
    assert names["asked"] == ["example.com"]


def test_the_next_address_is_tried(names, connections):
    names["example.com"] = [["1.1.1.1", "8.8.8.8"]]
    with pytest.raises(DeliveryFailedError):
        send("https://example.com/")
    assert connections == [("1.1.1.1", 443), ("8.8.8.8", 443)]


def test_a_name_of_nobody_is_a_failure(names):
    with pytest.raises(DeliveryFailedError, match="cannot be resolved"):
        send("https://nobody.example.com/")


def test_environment_s_proxies_are_not_used(receiver, configure, monkeypatch):
    configure(WEBHOOK_DEVELOPMENT="true")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    send(receiver.url)
    assert receiver.successes == 1


@pytest.fixture
def drip():
    """A server that never ends its answer, byte by byte."""
    server = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve():
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Endless: ")
            while not stop.wait(0.02):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}/"
    stop.set()
    server.close()


def test_a_drip_is_cut_off(drip, configure):
    configure(WEBHOOK_DEVELOPMENT="true", WEBHOOK_TIMEOUT_SECONDS="0.5")
    with pytest.raises(DeliveryFailedError, match=r"longer than 0\.5 s"):
        send(drip)


@pytest.fixture
def flood():
    """A server whose answer has no end, as fast as it is read."""
    server = socket.create_server(("127.0.0.1", 0))
    sent = []

    def serve():
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
            try:
                while True:
                    sent.append(connection.send(b"x" * 65536))
            except OSError:
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}/", sent, thread
    server.close()


def test_a_flood_is_not_read(flood, configure):
    configure(WEBHOOK_DEVELOPMENT="true")
    url, sent, thread = flood
    send(url)
    thread.join(10)
    assert not thread.is_alive()
    assert sum(sent) < 50_000_000


def make_certificate(folder, name):
    """A certificate for one name that signs itself; returns its file, key included."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    at = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - datetime.timedelta(days=1))
        .not_valid_after(at + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.fixture
def tls_receiver(tmp_path, monkeypatch):
    """A receiver with a certificate for receiver.example that we trust."""
    file = make_certificate(tmp_path, "receiver.example")
    trusting = ssl.create_default_context(cafile=str(file))
    monkeypatch.setattr(sender, "get_ssl_context", lambda: trusting)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(file)
    listener = socket.create_server(("127.0.0.1", 0))
    asked = []

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
                with serving.wrap_socket(connection, server_side=True) as secure:
                    request = b""
                    while not request.endswith(BODY):
                        request += secure.recv(65536)
                    asked.append(request)
                    secure.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            except ssl.SSLError:
                continue
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1], asked
    listener.close()


def test_certificates_are_checked_against_the_name(tls_receiver, names, configure):
    configure(WEBHOOK_DEVELOPMENT="true")
    port, asked = tls_receiver
    names["receiver.example"] = names["other.example"] = [["127.0.0.1"]]
    send(f"https://receiver.example:{port}/hook")
    assert f"Host: receiver.example:{port}".encode() in asked[0]
    with pytest.raises(DeliveryFailedError, match="certificate is not valid for"):
        send(f"https://other.example:{port}/hook")
    assert len(asked) == 1
