"""Tokens made to get in: each is refused with the same 401, whatever is wrong with it."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from api.app import create_app
from include.jwks import get_key_set
from tests.issuer import KEY, KEY_ID, OTHER_KEY, publish_keys, serve_keys

ISSUER = "https://cognito-idp.example/pool"
PATH = "/api/agents/none"
FAR = 10**12
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def make_claims(**changes: object) -> dict:
    now = int(time.time())
    claims = {
        "sub": "alice",
        "iss": ISSUER,
        "client_id": "oratio-api",
        "token_use": "access",
        "iat": now,
        "exp": now + 12 * 3600,  # tokens are made when tests are collected; a whole run is long
    }
    return {name: value for name, value in (claims | changes).items() if value is not None}


def encode(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def sign(claims: dict | None = None, key=KEY, algorithm: str = "RS256", **header: object) -> str:
    return jwt.encode(
        make_claims() if claims is None else claims,
        key,
        algorithm=algorithm,
        headers={"kid": KEY_ID} | header,
    )


def sign_raw(header: object, payload: object) -> str:
    """Signed with the issuer's own key, whatever header and payload are."""
    body = f"{encode(header)}.{encode(payload)}"
    signature = jwt.get_algorithm_by_name("RS256").sign(body.encode(), KEY)
    return f"{body}.{encode(signature)}"


def unsign(algorithm: object) -> str:
    return f"{encode({'alg': algorithm, 'typ': 'JWT', 'kid': KEY_ID})}.{encode(make_claims())}."


def sign_with_public_key(form: str) -> str:
    """The classic confusion: the public key taken for an HMAC secret."""
    public = KEY.public_key()
    secret = {
        "pem": public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        "der": public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        "jwk": json.dumps(publish_keys()["keys"][0]).encode(),
    }[form]
    body = f"{encode({'alg': 'HS256', 'typ': 'JWT', 'kid': KEY_ID})}.{encode(make_claims())}"
    return f"{body}.{encode(hmac.digest(secret, body.encode(), 'sha256'))}"


def sign_own(**header: object) -> str:
    """Signed with the attacker's key, to which the header points."""
    return sign(key=OTHER_KEY, **header)


def tamper(**claims: object) -> str:
    head, _, signature = sign().split(".")
    return f"{head}.{encode(make_claims(**claims))}.{signature}"


RS256 = {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}
OTHER_JWK = json.loads(jwt.get_algorithm_by_name("RS256").to_jwk(OTHER_KEY.public_key()))
ATTACKS = {
    # no signature
    "none": unsign("none"),
    "None": unsign("None"),
    "NONE": unsign("NONE"),
    "alg empty": unsign(""),
    "alg null": unsign(None),
    "alg a list": unsign(["RS256"]),
    "alg a number": unsign(5),
    "signature stripped": sign().rpartition(".")[0] + ".",
    "signature absent": sign().rpartition(".")[0],
    # algorithms
    "HS256 with the PEM": sign_with_public_key("pem"),
    "HS256 with the DER": sign_with_public_key("der"),
    "HS256 with the JWK": sign_with_public_key("jwk"),
    "HS256 with the development secret": sign(
        key="a secret that is only good for tests, and of sufficient length for SHA-512",
        algorithm="HS256",
    ),
    "HS256 with an empty secret": sign_raw({"alg": "HS256", "kid": KEY_ID}, make_claims()),
    "RS512": sign(algorithm="RS512"),
    "PS256": sign(algorithm="PS256"),
    "ES256 under an RSA key's id": sign(key=EC_KEY, algorithm="ES256"),
    "ES256 with r = s = 0": ".".join(
        [encode({"alg": "ES256", "kid": KEY_ID}), encode(make_claims()), encode(b"\0" * 64)]
    ),
    "rs256": sign_raw(RS256 | {"alg": "rs256"}, make_claims()),
    # keys
    "a foreign key": sign(key=OTHER_KEY),
    "an unknown kid": sign(kid="unknown"),
    "no kid": sign_raw({"alg": "RS256", "typ": "JWT"}, make_claims()),
    "kid a path": sign_own(kid="../../dev/null"),
    "kid SQL": sign_own(kid="x' UNION SELECT 'k"),
    "kid a list": sign_raw(RS256 | {"kid": [KEY_ID]}, make_claims()),
    "kid an object": sign_raw(RS256 | {"kid": {"a": 1}}, make_claims()),
    "kid a number": sign_raw(RS256 | {"kid": 1}, make_claims()),
    "kid of a weak key": sign(kid="weak"),
    "kid of an encryption key": sign(kid="encryption"),
    "kid of a secret": sign(key="o" * 32, algorithm="HS256", kid="secret"),
    "jku": sign_own(jku="http://127.0.0.1:1/keys"),
    "x5u": sign_own(x5u="http://127.0.0.1:1/cert"),
    "jwk": sign_own(jwk=OTHER_JWK),
    "x5c": sign_own(x5c=["MIIB"]),
    "crit": sign(crit=["exp"]),
    "b64 false": sign_raw(RS256 | {"b64": False, "crit": ["b64"]}, make_claims()),
    # what is signed by the issuer, yet not for us
    "an ID token": sign(make_claims(token_use="id", aud="oratio-api", client_id=None)),
    "typ of another use": sign(typ="logout+jwt"),
    "typ secevent": sign(typ="secevent+jwt"),
    "typ a list": sign_raw(RS256 | {"typ": ["JWT"]}, make_claims()),
    "another client": sign(make_claims(client_id="other")),
    "another audience": sign(make_claims(aud="other")),
    "audience empty": sign(make_claims(aud=[])),
    "audience an object": sign(make_claims(aud={"oratio-api": 1})),
    "no audience": sign(make_claims(client_id=None)),
    "client_id without token_use": sign(make_claims(token_use=None)),
    "another issuer": sign(make_claims(iss="https://evil.example")),
    "issuer with a slash more": sign(make_claims(iss=f"{ISSUER}/")),
    "issuer a list": sign_raw(RS256, make_claims(iss=[ISSUER])),
    **{f"no {claim}": sign(make_claims(**{claim: None})) for claim in ("iss", "sub", "exp", "iat")},
    # times
    "expired": sign(make_claims(exp=int(time.time()) - 1)),
    "expires in a thousand years": sign(make_claims(exp=FAR)),
    "lives too long": sign(make_claims(exp=int(time.time()) + 25 * 3600)),
    "exp text": sign_raw(RS256, make_claims(exp="tomorrow")),
    "exp a number as text": sign_raw(RS256, make_claims(exp=str(int(time.time()) + 60))),
    "exp true": sign_raw(RS256, make_claims(exp=True)),
    "exp infinite": sign_raw(RS256, make_claims(exp=float("inf"))),
    "exp NaN": sign_raw(RS256, make_claims(exp=float("nan"))),
    "exp a list": sign_raw(RS256, make_claims(exp=[1])),
    "issued in the future": sign(make_claims(iat=int(time.time()) + 11 * 3600, exp=FAR)),
    "iat infinite": sign_raw(RS256, make_claims(iat=float("-inf"))),
    "iat text": sign_raw(RS256, make_claims(iat="now")),
    "not yet valid": sign(make_claims(nbf=int(time.time()) + 11 * 3600)),
    "nbf text": sign_raw(RS256, make_claims(nbf="x")),
    "nbf infinite": sign_raw(RS256, make_claims(nbf=float("inf"))),
    # subjects
    "sub empty": sign(make_claims(sub="")),
    "sub a number": sign_raw(RS256, make_claims(sub=42)),
    "sub a list": sign_raw(RS256, make_claims(sub=["alice"])),
    "sub an object": sign_raw(RS256, make_claims(sub={"a": "alice"})),
    "sub up": sign(make_claims(sub="../bob")),
    "sub down and up": sign(make_claims(sub="x/../bob")),
    "sub a root path": sign(make_claims(sub="/bob")),
    "sub dots": sign(make_claims(sub="..")),
    "sub backslash": sign(make_claims(sub="..\\bob")),
    "sub NUL": sign(make_claims(sub="bob\0")),
    "sub line break": sign(make_claims(sub="bob\nroot")),
    "sub very long": sign(make_claims(sub="a" * 256)),
    # no tokens
    "payload changed": tamper(sub="bob"),
    "a word": "token",
    "two parts": "a.b",
    "empty parts": "..",
    "five parts, a JWE": "a.b.c.d.e",
    "payload a list": sign_raw(RS256, [1]),
    "payload no JSON": sign_raw(RS256, b"{"),
    "payload no UTF-8": sign_raw(RS256, b"\xff\xfe"),
    "payload nested": sign_raw(RS256, b"[" * 3_000),
    "header a list": sign_raw([1], make_claims()),
    "header nested": f"{encode(b'[' * 5_000)}.{encode(make_claims())}.eA",
    "header no JSON": f"{encode(b'{')}.{encode(make_claims())}.eA",
    "header NaN": sign_raw({"alg": float("nan"), "kid": KEY_ID}, make_claims()),
    "100 KB of claims": sign(make_claims(more="x" * 100_000)),
    "a megabyte of nothing": "x" * 1_000_000,
    "two tokens": f"{sign()}, Bearer {sign()}",
}


@pytest.fixture
def caller(configure) -> Iterator:
    with serve_keys(publish_keys()) as issuer:
        configure(JWKS_URL=issuer.url, JWT_ISSUER=ISSUER)
        get_key_set.cache_clear()
        yield create_app().test_client()
    get_key_set.cache_clear()


def ask(caller, token: str):
    return caller.get(PATH, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_gets_the_same_401(caller, name):
    reference = ask(caller, "x")
    answer = ask(caller, ATTACKS[name])
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert set(answer.headers.keys()) == set(reference.headers.keys())
    assert answer.json.keys() == reference.json.keys()
    assert {**answer.json, "requestId": 0, "detail": 0} == {
        **reference.json,
        "requestId": 0,
        "detail": 0,
    }
    assert answer.json["detail"] in (
        "The token is not valid. Get a new one.",
        "The token has expired. Get a new one.",
    )


def test_there_are_enough_attacks():
    assert len(ATTACKS) >= 40


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "Token x", "\x00"])
def test_headers_without_a_token(caller, header):
    answer = caller.get(PATH, headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer.json["detail"].startswith("Send a token")


def test_a_token_in_the_query_is_none(caller):
    assert caller.get(f"{PATH}?access_token={sign()}&token={sign()}").status_code == 401


@pytest.mark.parametrize(
    "token",
    [
        sign(),
        sign(typ="at+jwt"),
        sign(typ="AT+JWT"),
        sign(make_claims(aud="oratio-api", client_id=None, token_use=None)),
        sign(make_claims(aud=["other", "oratio-api"], token_use=None)),
        sign(make_claims(sub="auth0|123")),
        sign(key=EC_KEY, algorithm="ES256", kid="elliptic"),
    ],
)
def test_the_issuer_s_own_tokens_pass(configure, token):
    """The attacks above fail for what is wrong with them, not for the fixture's sake."""
    from include.tokens import decode_token

    with serve_keys(publish_keys(EC_KEY)) as issuer:
        configure(JWKS_URL=issuer.url, JWT_ISSUER=ISSUER)
        get_key_set.cache_clear()
        assert decode_token(token)["iss"] == ISSUER
    get_key_set.cache_clear()
