"""Who gets in with which token, and under which name."""

from __future__ import annotations

import base64
import hmac
import json
import re
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from include.errors import UnauthorizedError
from include.naming import agent_prefix
from include.settings import get_settings
from include.tokens import decode_token, to_user_id


def make_claims(**changes: object) -> dict:
    now = int(time.time())
    claims = {
        "sub": "alice",
        "iss": "oratio-development",
        "aud": "oratio-api",
        "iat": now,
        "exp": now + 600,
    }
    return {name: v for name, v in (claims | changes).items() if v is not None}


def sign(claims: dict, key: object = None, algorithm: str = "HS256") -> str:
    key = key or get_settings().jwt_secret.get_secret_value()
    return jwt.encode(claims, key, algorithm=algorithm)


def encode_part(part: dict) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def test_a_good_token():
    assert decode_token(sign(make_claims()))["sub"] == "alice"


def test_one_of_several_audiences_is_enough():
    assert decode_token(sign(make_claims(aud=["other", "oratio-api"])))["sub"] == "alice"


@pytest.mark.parametrize("claim", ["exp", "iat", "sub", "aud", "iss"])
def test_every_claim_is_required(claim):
    with pytest.raises(UnauthorizedError):
        decode_token(sign(make_claims(**{claim: None})))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(time.time()) - 1},
        {"exp": "tomorrow"},
        {"iat": int(time.time()) + 3_600},
        {"nbf": int(time.time()) + 3_600},
        {"aud": "somebody-else"},
        {"aud": []},
        {"iss": "https://evil.example"},
        {"sub": 42},
        {"sub": ["alice"]},
    ],
)
def test_claims_that_are_wrong(changes):
    with pytest.raises(UnauthorizedError):
        decode_token(sign(make_claims(**changes)))


def test_another_key():
    with pytest.raises(UnauthorizedError):
        decode_token(sign(make_claims(), "a guessed key of sufficient length....."))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm(algorithm):
    with pytest.raises(UnauthorizedError):
        decode_token(sign(make_claims(), algorithm=algorithm))


@pytest.mark.parametrize("name", ["none", "None", "NONE", "", None])
def test_unsigned_tokens(name):
    header = encode_part({"alg": name, "typ": "JWT"})
    with pytest.raises(UnauthorizedError):
        decode_token(f"{header}.{encode_part(make_claims())}.")


def test_an_rsa_signature_is_no_hmac_signature():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(UnauthorizedError):
        decode_token(sign(make_claims(), key, "RS256"))


def test_a_public_key_as_secret_lets_nobody_sign(configure):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = key.public_bytes(serialization.Encoding.PEM, form).decode()
    configure(JWT_SECRET=pem)
    signed = f"{encode_part({'alg': 'HS256'})}.{encode_part(make_claims())}"
    signature = hmac.digest(pem.encode(), signed.encode(), "sha256")
    with pytest.raises(UnauthorizedError):
        decode_token(f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}")


def test_without_a_secret_nobody_gets_in(configure):
    configure(JWT_SECRET="")
    token = sign(make_claims(), "x" * 32)
    with pytest.raises(UnauthorizedError):
        decode_token(token)


@pytest.mark.parametrize("token", ["", "x", "a.b", "a.b.c", "a.b.c.d", "é.é.é", "..", "\x00"])
def test_what_is_no_token(token):
    with pytest.raises(UnauthorizedError):
        decode_token(token)


def test_a_token_that_was_changed():
    header, _, signature = sign(make_claims()).split(".")
    with pytest.raises(UnauthorizedError):
        decode_token(f"{header}.{encode_part(make_claims(sub='bob'))}.{signature}")


@pytest.mark.parametrize("subject", ["alice", "A-1_b", "0b8e7f6a-1c2d-4e3f-8a9b-0c1d2e3f4a5b"])
def test_plain_subjects_stay_as_they_are(subject):
    assert to_user_id(subject) == subject


@pytest.mark.parametrize(
    "subject",
    [
        "../bob",
        "bob/",
        "a/b",
        "..",
        ".",
        " alice",
        "alice\n",
        "alice&resourceType=x",
        "auth0|123",
        "alice@example.com",
        "ünïcode",
        "a" * 65,
        "u-aaaaaaaaaaaaaaaaaaaaaaaaaa",
        "u-",
        "\ud800",
        "a\x00b",
    ],
)
def test_other_subjects_are_digested(subject):
    user_id = to_user_id(subject)
    assert re.fullmatch(r"u-[a-z2-7]{26}", user_id)
    assert to_user_id(subject) == user_id


def test_an_empty_subject_is_nobody():
    with pytest.raises(UnauthorizedError):
        to_user_id("")


@given(st.text(min_size=1), st.text(min_size=1))
def test_two_subjects_never_share_a_prefix(one, other):
    ids = to_user_id(one), to_user_id(other)
    assert (ids[0] == ids[1]) == (one == other)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", user_id) for user_id in ids)
    assert agent_prefix(ids[0], "a").count("/") == 2


@given(st.text(min_size=1))
def test_nobody_can_name_another_s_digest(subject):
    user_id = to_user_id(subject)
    if user_id != subject:
        assert to_user_id(user_id) != user_id
