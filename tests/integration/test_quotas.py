"""A tenant's quotas and rates: refused with 429, which one, and when to come back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from api.app import create_app
from include.aws import client
from include.items import get_item
from include.models import AgentStatus
from include.records import get_agent, update_agent
from include.transactions import ATTEMPTS, write_transaction
from include.usage import build_use
from tests.fakes import FORM, RETURNS, list_keys

pytestmark = pytest.mark.usefixtures("no_airflow")

FILE = ("a.md", RETURNS)


@pytest.fixture
def alice(sign_in):
    return sign_in()


def used(user_id: str) -> tuple[int, int]:
    item = get_item("oratio-tenants", {"userId": {"S": user_id}}) or {}
    return item.get("agents", 0), item.get("storedBytes", 0)


def require_refusal(answer, words: str) -> None:
    assert (answer.status_code, answer.mimetype) == (429, "application/problem+json")
    assert words in answer.json["detail"]
    assert int(answer.headers["Retry-After"]) > 0


def test_use_is_counted_with_the_agent(alice):
    alice.submit(FILE)
    alice.submit(FILE, ("b.md", b"xy"))
    assert used(alice.user_id) == (2, 2 * len(RETURNS) + 2)


def test_a_refused_submission_uses_nothing(alice):
    assert alice.submit(FILE, agentType="fax").status_code == 422
    assert used(alice.user_id) == (0, 0)


def test_agents(alice, sign_in, configure):
    configure(MAX_AGENTS_PER_TENANT=1)
    assert alice.submit(FILE).status_code == 201
    require_refusal(alice.submit(FILE), "Delete one")
    assert sign_in().submit(FILE).status_code == 201


def test_agents_being_created(alice, configure):
    configure(MAX_CREATING_PER_TENANT=1)
    agent_id = alice.submit(FILE).json["agentId"]
    require_refusal(alice.submit(FILE), "being created")
    update_agent(get_agent(alice.user_id, agent_id).ref, status=AgentStatus.ACTIVE)
    assert alice.submit(FILE).status_code == 201


QUOTAS = [{"MAX_AGENTS_PER_TENANT": 1}, {"MAX_CREATING_PER_TENANT": 1}]


@pytest.mark.parametrize("quota", QUOTAS)
def test_a_full_tenant_s_repetition_gets_its_answer(alice, configure, quota):
    configure(**quota)
    alice.headers = {**alice.headers, "Idempotency-Key": "first"}
    first = alice.submit(FILE)
    again = alice.submit(FILE)
    assert (again.status_code, again.json) == (201, first.json)
    assert alice.submit(("other.md", RETURNS)).json["code"] == "idempotency_key_reused"
    alice.headers = {**alice.headers, "Idempotency-Key": "second"}
    require_refusal(alice.submit(FILE), "")


def test_a_full_tenant_s_repeated_announcement_gets_its_answer(alice, configure):
    configure(MAX_AGENTS_PER_TENANT=1)
    alice.headers = {**alice.headers, "Idempotency-Key": "announced"}
    file = {"path": "a.md", "sizeBytes": 1, "sha256": "0" * 64}
    announced = [prepare(alice, file)]
    alice.headers = {**alice.headers, "Idempotency-Key": "submitted"}
    assert alice.submit(FILE).status_code == 201
    alice.headers = {**alice.headers, "Idempotency-Key": "announced"}
    announced.append(prepare(alice, file))
    assert [answer.status_code for answer in announced] == [201, 201]
    assert announced[0].json == announced[1].json


def prepare(caller, file):
    return caller.http.post(
        "/api/agents:prepare", json={**FORM, "files": [file]}, headers=caller.headers
    )


def test_stored_bytes(alice, configure):
    configure(MAX_STORED_BYTES_PER_TENANT=len(RETURNS) + 10)
    assert alice.submit(FILE).status_code == 201
    require_refusal(alice.submit(("b.md", b"x" * 11)), "Delete some")
    assert len(list_keys("oratio-knowledge-bases", f"{alice.user_id}/")) == 1
    assert alice.submit(("b.md", b"x" * 10)).status_code == 201


def test_room_for_one_lets_one_of_many_in(alice, configure):
    configure(MAX_AGENTS_PER_TENANT=1)
    with ThreadPoolExecutor(8) as executor:
        statuses = sorted(executor.map(lambda _: alice.submit(FILE).status_code, range(8)))
    assert statuses == [201] + [429] * 7
    assert used(alice.user_id) == (1, len(RETURNS))


def test_what_is_given_back_can_be_used_again(alice, configure):
    configure(MAX_AGENTS_PER_TENANT=1)
    alice.submit(FILE)
    write_transaction([build_use(alice.user_id, agents=-1, size_bytes=-len(RETURNS))])
    assert used(alice.user_id) == (0, 0)
    assert alice.submit(FILE).status_code == 201


def conflict(code: str) -> ClientError:
    reasons = [{"Code": "None"}, {"Code": code}]
    error = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
    return ClientError(error, "TransactWriteItems")


@pytest.mark.parametrize(
    ("code", "calls"), [("TransactionConflict", ATTEMPTS), ("ConditionalCheckFailed", 1)]
)
def test_only_conflicts_are_tried_again(stand_in, monkeypatch, code, calls):
    made = []

    def refuse(**arguments: object) -> None:
        made.append(arguments)
        raise conflict(code)

    monkeypatch.setattr("include.transactions.FIRST_PAUSE_SECONDS", 0)
    monkeypatch.setattr(client("dynamodb"), "transact_write_items", refuse)
    with pytest.raises(ClientError):
        write_transaction([])
    assert len(made) == calls


# -- rates ---------------------------------------------------------------------------------------
def test_a_tenant_that_asks_too_often(sign_in, configure):
    configure(RATE_LIMIT_TENANT="3/hour")
    alice = sign_in()
    answers = [alice.get("/api/agents") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    require_refusal(answers[3], "")
    assert answers[3].json["code"] == "too_many_requests"
    assert ["Retry-After" in answer.headers for answer in answers] == [False] * 3 + [True]


def test_one_tenant_s_haste_is_not_another_s(sign_in, configure):
    configure(RATE_LIMIT_TENANT="1/hour")
    alice, bob = sign_in("rate-alice"), sign_in("rate-bob")
    bob.http = alice.http
    assert [alice.get("/api/agents").status_code for _ in range(2)] == [200, 429]
    assert bob.get("/api/agents").status_code == 200


def test_guessing_tokens_is_limited_by_address(stand_in, configure):
    configure(RATE_LIMIT_ADDRESS="2/hour")
    http = create_app().test_client()
    tokens = [{"Authorization": f"Bearer guess-{n}"} for n in range(3)]
    assert [http.get("/api/agents", headers=h).status_code for h in tokens] == [401, 401, 429]
    other = {"REMOTE_ADDR": "198.51.100.7"}
    assert http.get("/api/agents", environ_overrides=other).status_code == 401


def test_the_address_is_the_client_s_behind_a_trusted_proxy_only(stand_in, configure):
    configure(RATE_LIMIT_ADDRESS="1/hour", TRUSTED_PROXIES=1)
    http = create_app().test_client()
    one, two = ({"X-Forwarded-For": f"198.51.100.{n}"} for n in (1, 2))
    assert [http.get("/api/agents", headers=h).status_code for h in (one, two, one)] == (
        [401, 401, 429]
    )
    configure(TRUSTED_PROXIES=0)
    http = create_app().test_client()
    assert [http.get("/api/agents", headers=h).status_code for h in (one, two)] == [401, 429]


def test_probes_are_never_refused(stand_in, configure):
    configure(RATE_LIMIT_ADDRESS="1/hour")
    http = create_app().test_client()
    assert {http.get("/livez").status_code for _ in range(5)} == {200}


def test_without_its_store_each_process_counts(sign_in, configure):
    configure(RATE_LIMIT_TENANT="2/hour", RATE_LIMIT_STORAGE_URL="redis://127.0.0.1:1/0")
    alice = sign_in()
    assert [alice.get("/api/agents").status_code for _ in range(3)] == [200, 200, 429]
