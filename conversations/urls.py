"""Addresses of conversations."""

from django.urls import URLPattern, path

from conversations import agent_api, agent_views, api, listening_views, views, webhook_view
from conversations.inbox import views as inbox_views
from conversations.phones import views as phone_views

core_urlpatterns: list[URLPattern] = [
    path("conversations", api.ConversationsView.as_view(), name="core-conversations"),
    path("conversations/import", api.ImportView.as_view(), name="core-import"),
    path(
        "conversations/<uuid:conversation_id>",
        api.ConversationView.as_view(),
        name="core-conversation",
    ),
    path(
        "conversations/<uuid:conversation_id>/end",
        api.EndView.as_view(),
        name="core-conversation-end",
    ),
    path(
        "conversations/<uuid:conversation_id>/listener-token",
        api.ListenerTokenView.as_view(),
        name="core-listener-token",
    ),
    path(
        "conversations/<uuid:conversation_id>/listeners",
        api.ListenersView.as_view(),
        name="core-listeners",
    ),
    path(
        "conversations/<uuid:conversation_id>/listeners/<uuid:session_id>",
        api.ListenerView.as_view(),
        name="core-listener",
    ),
    path("agents", agent_api.AgentsView.as_view(), name="core-agents"),
    path("agents/<uuid:agent_id>", agent_api.AgentView.as_view(), name="core-agent"),
    path("phone-numbers", agent_api.PhoneNumbersView.as_view(), name="core-phone-numbers"),
    path(
        "phone-numbers/<uuid:phone_number_id>",
        agent_api.PhoneNumberView.as_view(),
        name="core-phone-number",
    ),
]

livekit_urlpatterns: list[URLPattern] = [
    path("webhook", webhook_view.webhook, name="livekit-webhook"),
]

organization_urlpatterns: list[URLPattern] = [
    path("conversations", inbox_views.inbox, name="conversations"),
    path("conversations/rows", inbox_views.rows, name="inbox-rows"),
    path("conversations/events", inbox_views.events, name="inbox-events"),
    path("conversations/<uuid:conversation_id>", views.detail, name="conversation"),
    path(
        "conversations/<uuid:conversation_id>/heading",
        views.heading,
        name="conversation-heading",
    ),
    path(
        "conversations/<uuid:conversation_id>/transcript",
        views.transcript,
        name="conversation-transcript",
    ),
    path("conversations/<uuid:conversation_id>/facts", views.facts, name="conversation-facts"),
    path("conversations/<uuid:conversation_id>/lines", views.lines, name="conversation-lines"),
    path("conversations/<uuid:conversation_id>/events", views.events, name="conversation-events"),
    path(
        "conversations/<uuid:conversation_id>/heard-by",
        listening_views.heard_by,
        name="conversation-heard-by",
    ),
    path(
        "conversations/<uuid:conversation_id>/listeners/<uuid:session_id>/revoke",
        listening_views.revoke,
        name="revoke-listener",
    ),
    path("listening", listening_views.ledger_page, name="listening"),
    path("listening.csv", listening_views.ledger_file, name="listening-file"),
    path("phones", phone_views.phones_page, name="phones"),
    path("phones/trial-call", phone_views.trial_call, name="trial-call"),
    path("phones/remove", phone_views.remove_trunk, name="remove-trunk"),
    path("agents", agent_views.agents_page, name="agents"),
    path("agents/add", agent_views.add_agent, name="add-agent"),
    path("agents/<uuid:agent_id>/change", agent_views.change_agent, name="change-agent"),
    path("agents/<uuid:agent_id>/delete", agent_views.delete_agent, name="delete-agent"),
    path("phone-numbers/add", agent_views.add_phone_number, name="add-phone-number"),
    path(
        "phone-numbers/<uuid:phone_number_id>/change",
        agent_views.change_phone_number,
        name="change-phone-number",
    ),
    path(
        "phone-numbers/<uuid:phone_number_id>/remove",
        agent_views.remove_phone_number,
        name="remove-phone-number",
    ),
]
