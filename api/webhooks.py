"""Webhooks of a tenant: who is told of what."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request
from pydantic import ValidationError

from api.auth import get_user_id
from api.openapi import describe
from api.pages import PageQuery, build_page, read_position, read_query
from api.webhook_schemas import CreatedWebhook, DeliveryView, WebhookForm, WebhookView
from include import records
from include.errors import InvalidInputError, NotFoundError
from include.problems import InvalidFormError, describe_validation
from include.settings import get_settings
from include.webhooks import outbox, subscriptions
from include.webhooks.addresses import parse_url
from include.webhooks.signing import make_secret
from include.webhooks.subscriptions import Webhook

webhook_routes = Blueprint("webhooks", __name__)


@webhook_routes.post("/api/webhooks")
@describe(tag="webhooks", body=WebhookForm, answers={201: CreatedWebhook})
def create_webhook() -> tuple[dict[str, Any], int]:
    """Have events sent to a URL, signed, or hand-offs to an e-mail address.

    The answer holds the secret that signs the requests; it is not shown again.
    """
    user_id, form = get_user_id(), read_form()
    require_usable(user_id, form)
    webhook = Webhook(
        user_id=user_id,
        url=form.url,
        email=form.email,
        events=form.wanted,
        agent_id=form.agent_id,
        secret=None if form.url is None else make_secret(),
    )
    subscriptions.create_webhook(webhook)
    created = CreatedWebhook.model_validate(webhook.model_dump())
    return created.model_dump(mode="json", by_alias=True), 201


def read_form() -> WebhookForm:
    """The request's JSON body."""
    try:
        return WebhookForm.model_validate(request.get_json())
    except ValidationError as error:
        raise InvalidFormError(describe_validation(error)) from error


def require_usable(user_id: str, form: WebhookForm) -> None:
    """Refuse what could never be delivered."""
    if form.url is not None:
        try:
            parse_url(form.url)
        except InvalidInputError as error:
            raise refuse("url", error.message) from error
    if form.email and not get_settings().email_sender:
        raise refuse("email", "is not offered here; use a url")
    if form.agent_id:
        try:
            records.get_agent(user_id, form.agent_id)
        except NotFoundError as error:
            raise refuse("agentId", "names no agent of yours") from error


def refuse(field: str, message: str) -> InvalidFormError:
    """The error for one field."""
    return InvalidFormError([{"field": field, "message": message}])


@webhook_routes.get("/api/webhooks")
@describe(tag="webhooks", answers={200: list[WebhookView]})
def list_webhooks() -> Response:
    """The caller's webhooks, oldest first; there are few."""
    found = subscriptions.list_webhooks(get_user_id())
    views = [WebhookView.model_validate(webhook.model_dump()) for webhook in found]
    return jsonify([view.model_dump(mode="json", by_alias=True) for view in views])


@webhook_routes.delete("/api/webhooks/<webhook_id>")
@describe(tag="webhooks", answers={204: None})
def delete_webhook(webhook_id: str) -> Response:
    """Delete a webhook; nothing more is sent to it."""
    subscriptions.delete_webhook(subscriptions.get_webhook(get_user_id(), webhook_id))
    return Response(status=204)


@webhook_routes.post("/api/webhooks/<webhook_id>:ping")
@describe(tag="webhooks", answers={202: DeliveryView})
def ping_webhook(webhook_id: str) -> tuple[dict[str, Any], int]:
    """Send a test event; how it went is among the deliveries a moment later."""
    webhook = subscriptions.get_webhook(get_user_id(), webhook_id)
    delivery = DeliveryView.model_validate(subscriptions.ping_webhook(webhook).model_dump())
    return delivery.model_dump(mode="json", by_alias=True), 202


@webhook_routes.get("/api/webhooks/<webhook_id>/deliveries")
@describe(tag="webhooks", query=PageQuery, answers={200: list[DeliveryView]})
def list_deliveries(webhook_id: str) -> Response:
    """A webhook's deliveries, newest first, with the reason the last try of each failed.

    The next page, if there is one, is a `Link` header with `rel="next"`.
    """
    user_id, query = get_user_id(), read_query(PageQuery)
    subscriptions.get_webhook(user_id, webhook_id)
    scope = ["deliveries", user_id, webhook_id]
    start = read_position(query, scope)
    page = outbox.list_deliveries(webhook_id, query.limit, start)
    views = [DeliveryView.model_validate(delivery.model_dump()) for delivery in page.entries]
    return build_page(views, page.next_position, query, scope)
