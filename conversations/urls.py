"""Addresses of conversations."""

from django.urls import URLPattern, path

from conversations import api, listening_views, views, webhook_view

core_urlpatterns: list[URLPattern] = [
    path("conversations", api.ConversationsView.as_view(), name="core-conversations"),
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
]

livekit_urlpatterns: list[URLPattern] = [
    path("webhook", webhook_view.webhook, name="livekit-webhook"),
]

organization_urlpatterns: list[URLPattern] = [
    path("conversations", views.inbox, name="conversations"),
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
]
