"""All configuration: the only reader of the environment. Defaults suit the embedded stack."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 1024 * 1024


class KnowledgeBaseStore(StrEnum):
    """Where a knowledge base keeps its vectors."""

    S3_VECTORS = "s3_vectors"
    MANAGED = "managed"
    OPENSEARCH_SERVERLESS = "opensearch_serverless"


class Generator(StrEnum):
    """What turns an SOP into an agent's code."""

    RULES = "rules"
    MODEL = "model"


# USD for a million input tokens and a million output tokens: list prices, 2026-11.
MODEL_PRICES = {"us.anthropic.claude-sonnet-4-5-20250929-v1:0": (3.0, 15.0)}


class BundleDependencies(StrEnum):
    """What a bundle holds besides the agent's own files."""

    NONE = "none"  # the stand-in has the packages installed
    ARM64 = "arm64"  # AgentCore installs nothing


# Knowledge bases an account and region; those of vector stores are not adjustable.
KNOWLEDGE_BASE_QUOTAS = {
    KnowledgeBaseStore.S3_VECTORS: 100,
    KnowledgeBaseStore.MANAGED: 10_000,
    KnowledgeBaseStore.OPENSEARCH_SERVERLESS: 100,
}


class Settings(BaseSettings):
    """Environment variables of the same names, upper case."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    # AWS
    aws_region: str = "us-east-1"
    aws_account_id: str = "123456789012"
    agents_table: str = "oratio-agents"
    knowledge_bases_table: str = "oratio-knowledgebases"
    idempotency_table: str = "oratio-idempotency"
    tenants_table: str = "oratio-tenants"
    sessions_table: str = "oratio-sessions"
    keys_table: str = "oratio-keys"
    turns_table: str = "oratio-turns"
    handoffs_table: str = "oratio-handoffs"
    webhooks_table: str = "oratio-webhooks"
    outbox_table: str = "oratio-outbox"
    kb_bucket: str = "oratio-knowledge-bases"
    code_bucket: str = "oratio-generated-code"
    environment: str = "production"  # value of the `environment` tag

    # Knowledge bases
    knowledge_base_store: KnowledgeBaseStore = KnowledgeBaseStore.S3_VECTORS
    knowledge_base_role_arn: str = "arn:aws:iam::123456789012:role/oratio-knowledge-base"
    vector_bucket: str = "oratio-vectors"
    opensearch_collection_arn: str = ""
    opensearch_endpoint: str = ""  # empty: AWS's address of that collection
    embedding_model_id: str = "amazon.titan-embed-text-v2:0"
    embedding_dimensions: int = 1024
    # 0: AWS's quota for the store, see KNOWLEDGE_BASE_QUOTAS.
    knowledge_base_quota: int = 0
    chunk_tokens: int = 500
    chunk_overlap_percentage: int = 20

    # Agents
    model_id: str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    voice_model_id: str = "amazon.nova-2-sonic-v1:0"  # hears and speaks
    runtime_role_arn: str = "arn:aws:iam::123456789012:role/oratio-agent-runtime"
    # AgentCore refuses updates of 3.10 and 3.11 runtimes since 2026-08-31.
    runtime_language: str = "PYTHON_3_13"
    bundle_dependencies: BundleDependencies = BundleDependencies.NONE
    bundle_cache_dir: str = ""  # empty: the folder oratio-bundles where temporary files go
    endpoint_name: str = "production"
    retrieved_passages: int = 5
    public_api_url: str = "http://127.0.0.1:8000"
    public_gateway_url: str = "http://127.0.0.1:8001"
    public_websocket_url: str = "ws://127.0.0.1:8001"

    # Code generation
    code_generator: Generator = Generator.RULES
    code_generator_fallback: bool = True  # rules take over when a model cannot be asked
    # Failed tries of the step, some 20 s apart in all, before they do so in an outage.
    code_generator_tries: int = Field(3, ge=1)
    # Bedrock model of each role; empty: model_id.
    reader_model_id: str = ""
    planner_model_id: str = ""
    writer_model_id: str = ""
    reviewer_model_id: str = ""
    repairer_model_id: str = ""
    model_max_output_tokens: int = 32_000  # the spec of a 100 KB SOP; many models allow 64,000
    model_prices: dict[str, tuple[float, float]] = MODEL_PRICES

    # Pipeline
    ingestion_start_spacing_seconds: float = 10.0  # AWS: 0.1 a second an account, not adjustable
    run_deadline_minutes: int = 30
    retry_delay_seconds: float = 5.0  # before a step's first retry; then three times as much each
    approval_timeout_hours: int = 72  # asked on Friday evening, answered on Monday
    wait_timeout_seconds: int = 20 * 60  # one deferred wait; execution_timeout does not bind then
    # Before a wait is deferred: handing it over and starting the task again costs 0.3 s of CPU.
    wait_inline_seconds: float = 1.0
    wait_poll_seconds: float = 1.0
    wait_poll_max_seconds: float = 10.0
    # An update starts when nothing has changed for so long: longer than a person takes between
    # two uploads, so that one ingestion does for all. 0: only on request.
    update_quiet_seconds: int = 60
    max_versions: int = 20  # an agent's: to roll back to; 600 to 1,200 bytes each of a 400 KB item

    # The trial of generated code, before it is published (include/creator/trial/)
    sandbox_socket: str = "var/run/sandbox.sock"
    sandbox_processes: int = 4  # at once; more callers queue
    sandbox_seconds: float = 300.0  # of one trial; a real model takes 5 to 20 s an answer
    sandbox_cpu_seconds: int = 10  # of one trial; an honest agent takes 0.2 s
    sandbox_memory_mib: int = 256  # of one trial, beyond the SDKs; an honest agent takes 30 MiB
    # The share of scenarios of each kind that an agent must pass; a real model, judged by rules,
    # may word one answer in four so that the rules do not see it.
    trial_threshold: float = Field(0.75, ge=0.0, le=1.0)
    trial_dialogues_at_once: int = 4  # model calls in flight for one trial
    max_trial_scenarios: int = 12  # of each kind, spread over the whole SOP
    max_trial_documents: int = 8  # read for questions and passages
    max_trial_document_bytes: int = 64_000  # the beginning of each

    # Sessions
    session_retention_days: int = Field(30, ge=1)  # after its last turn
    session_idle_minutes: int = Field(15, ge=1)  # AgentCore's: it ends a session that idles longer
    # US dollars for a million tokens of MODEL_ID, for the cost shown with a session.
    input_token_price_usd: float = 3.0
    output_token_price_usd: float = 15.0

    # Customers, at the gateway
    rate_limit_key: str = "120/minute"  # of a key that has no limit of its own
    max_keys_per_agent: int = 100
    key_use_seconds: float = Field(60.0, ge=1)  # a key's last use and count are written so often
    answer_silence_seconds: float = 60.0  # between two parts of an answer
    answer_seconds: float = 300.0  # a whole answer
    answer_keepalive_seconds: float = 15.0  # proxies close what is silent for 30 to 60 s
    max_answers: int = 500  # a process gives at a time
    gateway_threads: int = 16  # for DynamoDB

    # Calls, at the gateway
    call_seconds: float = Field(1_800.0, le=3_600)  # AgentCore ends a connection after an hour
    # Microphones are never silent: neither side sent a frame. The agent's machine costs meanwhile.
    call_idle_seconds: float = 120.0
    call_check_seconds: float = Field(60.0, gt=0)  # a revoked key is noticed within a call
    call_ping_seconds: float = 20.0  # between pings, and for the answer to one; proxies allow 30 s
    call_stall_seconds: float = Field(20.0, gt=0)  # for which a caller may take nothing
    # What waits for one caller; 24 s of speech. Twice MAX_CALLS MiB at most, in all.
    call_outbox_bytes: int = 2 * MIB
    max_calls: int = 100  # a process: 64 KB/s of speech each, and as much memory as said above
    max_calls_per_caller: int = 20  # of one key or tenant, a process: nobody takes all lines

    # Webhooks
    webhook_ports: str = "443"  # comma-separated
    # On: http, any port and addresses of private networks, for receivers on one's own machine.
    webhook_development: bool = False
    webhook_timeout_seconds: float = 10.0  # for one delivery in all
    webhook_poll_seconds: float = 1.0
    webhook_retry_first_seconds: float = 5.0  # before the second try; then three times as much each
    webhook_retry_max_seconds: float = 4 * 60 * 60
    webhook_retry_hours: int = 24  # then a delivery has failed
    webhook_delivery_days: int = Field(7, ge=2)  # for which a delivery is listed
    max_webhooks_per_tenant: int = 20
    email_sender: str = ""  # an identity verified in SES; empty: no e-mail is sent

    # Reconciliation
    # At least 5: a look starts five tasks of about 0.3 s each.
    reconcile_seconds: int = Field(60, ge=5)
    reconcile_batch: int = 200  # agents one task of one look changes: a look ends within minutes
    overdue_margin_minutes: int = 5  # after the run's deadline, which is Airflow's to enforce
    audit_minutes: int = Field(15, ge=1)  # lists every resource of the account
    audit_sample: int = 100  # agents whose every part is looked at, besides what lists show
    orphan_grace_hours: int = 24  # a resource without a record is left alone for so long

    # Airflow's REST API, as the intake sees it
    airflow_url: str = "http://127.0.0.1:8080"
    airflow_username: str = "intake"
    airflow_password: SecretStr = SecretStr("")
    airflow_timeout_seconds: float = 5.0

    # Repeated requests
    idempotency_hours: int = 24  # how long a key's answer is kept
    idempotency_lease_seconds: int = 120  # then a request without answer counts as died

    # Events
    event_poll_seconds: float = 1.0
    event_heartbeat_seconds: float = 15.0  # proxies close what is silent for 30 to 60 s
    event_stream_seconds: float = 15 * 60  # then the client resumes where it was
    max_event_streams: int = 8  # a process: each holds one of its 16 threads

    # Tokens of callers
    production: bool = False  # on: only public keys sign tokens, and a cursor secret is needed
    jwks_url: str = ""  # the issuer's public keys; empty: HS256 with jwt_secret, for development
    jwks_lifetime_seconds: int = 300  # a revoked key is forgotten after this
    jwks_refetch_seconds: int = 10  # least time between two fetches, whatever callers send
    jwt_secret: SecretStr = SecretStr("")
    jwt_issuer: str = "oratio-development"
    jwt_audience: str = "oratio-api"
    jwt_token_use: str = "access"  # noqa: S105 - Cognito's ID tokens are for the client, not for an API
    jwt_max_lifetime_seconds: int = 24 * 60 * 60  # Cognito's longest
    cursor_secret: SecretStr = SecretStr("")  # signs list cursors; empty: jwt_secret

    # Requests to the intake
    trusted_proxies: int = 0  # how many proxies in front of us set X-Forwarded-For
    rate_limit_tenant: str = "3000/minute"  # what one process serves: nobody takes it all
    rate_limit_address: str = "300/minute"  # callers without a valid token
    rate_limit_storage_url: str = "memory://"  # redis://...: one count for all processes
    readiness_cache_seconds: float = 5.0  # probes of several load balancers cost one check
    readiness_timeout_seconds: float = 3.0  # load balancers wait 5 s by default

    # Traces; the exporter itself reads this and all other OTEL_ variables
    otel_exporter_otlp_endpoint: str = ""  # empty: nothing is traced

    # Quotas of one tenant
    max_agents_per_tenant: int = 10_000  # an account's managed knowledge bases
    max_creating_per_tenant: int = 100  # 20 minutes of the account's five ingestion jobs
    max_stored_bytes_per_tenant: int = 100 * 1024 * MIB  # fifty full submissions

    # Limits of one submission
    max_document_bytes: int = 50 * MIB  # Bedrock's limit for one document
    max_documents: int = 500  # keeps the documents' states inside one 400 KB DynamoDB item
    max_request_bytes: int = 2048 * MIB  # 10 minutes at 30 Mbit/s; larger sets have :prepare
    max_json_bytes: int = 1 * MIB  # bodies without files are read whole
    max_path_bytes: int = 500  # a key has 1,024: also 102 of the prefix, 14 of the sidecar's suffix
    max_form_fields: int = 20  # twice what the form has: room to name the wrong ones
    max_form_bytes: int = 400_000  # all text fields: more does not fit into a DynamoDB item
    max_sop_bytes: int = 100_000  # leaves room for the other fields in a 400 KB item
    max_text_bytes: int = 20_000
    max_message_characters: int = 4_000
    upload_parts_in_flight: int = 3  # 5 MiB each, a process: more is faster and takes more memory
    presigned_seconds: int = 60 * 60  # to upload what :prepare has announced
    staging_hours: int = 3  # not submitted; a submission, presigned or not, takes half at most

    @property
    def max_knowledge_bases(self) -> int:
        """How many knowledge bases the account may hold."""
        return self.knowledge_base_quota or KNOWLEDGE_BASE_QUOTAS[self.knowledge_base_store]


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The process-wide settings; tests call `get_settings.cache_clear()` after changing env."""
    return Settings()
