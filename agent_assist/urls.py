"""Addresses of briefs. What asks for a part of one names its conversation, not the number."""

from django.urls import URLPattern, path

from agent_assist import api, views

core_urlpatterns: list[URLPattern] = [
    path(
        "agent-assist/<str:phone_number>", api.AgentAssistView.as_view(), name="core-agent-assist"
    ),
]

organization_urlpatterns: list[URLPattern] = [
    path("agent-assist/<str:phone_number>", views.brief_page, name="agent-assist"),
    path("conversations/<uuid:conversation_id>/brief", views.brief, name="brief"),
    path("conversations/<uuid:conversation_id>/brief/events", views.events, name="brief-events"),
]
