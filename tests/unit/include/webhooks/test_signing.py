"""Signatures are those of the Standard Webhooks convention."""

from __future__ import annotations

import base64

from include.webhooks.signing import build_headers, make_secret, sign


def test_a_known_signature():
    """The example of the convention's own reference implementations."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    assert sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body) == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_headers_sign_id_time_and_body():
    secret = make_secret()
    headers = build_headers(secret, "msg_1", b"{}")
    signature = headers["webhook-signature"]
    assert signature == sign(secret, "msg_1", headers["webhook-timestamp"], b"{}")
    assert signature != sign(secret, "msg_2", headers["webhook-timestamp"], b"{}")
    assert signature != sign(secret, "msg_1", "0", b"{}")
    assert signature != sign(secret, "msg_1", headers["webhook-timestamp"], b"{ }")


def test_secrets_are_long_and_new():
    first, second = make_secret(), make_secret()
    assert first != second
    assert len(base64.b64decode(first.removeprefix("whsec_"))) == 32
