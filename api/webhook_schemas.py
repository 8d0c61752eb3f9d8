"""What goes over the wire about webhooks."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from include.models import Record
from include.webhooks.outbox import DeliveryStatus, WebhookEvent

# As strict as is useful: SES knows better.
EMAIL_PATTERN = r"^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$"
ALL_EVENTS = [event for event in WebhookEvent if event != WebhookEvent.PING]
Email = Annotated[str, StringConstraints(pattern=EMAIL_PATTERN, max_length=254)]
AgentId = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class WebhookForm(Record):
    """The body of POST /api/webhooks: a `url` for all events, or an `email` for hand-offs."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[str | None, Field(description="https, of a host on the internet.")] = None
    email: Email | None = None
    events: Annotated[
        list[WebhookEvent] | None, Field(min_length=1, description="All, if left out.")
    ] = None
    agent_id: Annotated[AgentId | None, Field(description="Only events of this agent.")] = None

    @model_validator(mode="after")
    def require_one_address(self) -> Self:
        """Refuse none and both, and e-mail about what is not for people."""
        if (self.url is None) == (self.email is None):
            raise ValueError("name a url or an email, one of them")
        if self.email and self.events not in (None, [WebhookEvent.HANDOFF_CREATED]):
            raise ValueError("e-mail is sent about handoff.created only")
        if WebhookEvent.PING in (self.events or []):
            raise ValueError("ping is sent on request only")
        return self

    @property
    def wanted(self) -> list[WebhookEvent]:
        """The events, each once."""
        default = [WebhookEvent.HANDOFF_CREATED] if self.email else ALL_EVENTS
        return list(dict.fromkeys(self.events or default))


class WebhookView(Record):
    """A webhook; its secret was shown when it was made."""

    webhook_id: str
    url: str | None = None
    email: str | None = None
    events: list[WebhookEvent]
    agent_id: str | None = None
    created_at: str


class CreatedWebhook(WebhookView):
    """A new webhook with the secret that signs what it is sent, shown this once."""

    secret: str | None = None


class DeliveryView(Record):
    """How the delivery of an event goes; `dueAt` is the next try's."""

    event_id: str
    event_type: WebhookEvent
    status: DeliveryStatus
    attempts: int
    last_attempt_at: str | None = None
    last_error: str | None = None
    due_at: str | None = None
    created_at: str
