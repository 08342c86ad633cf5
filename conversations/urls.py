"""Addresses of conversations."""

from django.urls import URLPattern, path

from conversations import api, views, webhook_view

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
]
