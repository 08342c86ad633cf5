"""Addresses of warm transfers."""

from django.urls import URLPattern, path

from agent_assist.transfer import api, views

core_urlpatterns: list[URLPattern] = [
    path(
        "conversations/<uuid:conversation_id>/warm-transfer",
        api.WarmTransfersView.as_view(),
        name="core-warm-transfers",
    ),
    path(
        "conversations/<uuid:conversation_id>/warm-transfer/<uuid:transfer_id>",
        api.WarmTransferView.as_view(),
        name="core-warm-transfer",
    ),
]

organization_urlpatterns: list[URLPattern] = [
    path(
        "conversations/<uuid:conversation_id>/transfer", views.panel, name="conversation-transfer"
    ),
]
