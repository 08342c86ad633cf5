"""Addresses of the listen SDK: what a customer's page loads, and where an organization rules it."""

from django.urls import URLPattern, path

from listen_sdk import frame, loader, views

public_urlpatterns: list[URLPattern] = [
    path("listen-sdk", loader.newest, name="listen-sdk"),
    path("listen-sdk/<str:version>.js", loader.script, name="listen-sdk-release"),
    path("listen-sdk/<str:version>.d.ts", loader.types, name="listen-sdk-types"),
    path("listen", frame.page, name="listen-frame"),
    path("listen/session", frame.SessionView.as_view(), name="listen-session"),
    path("listen/sound", frame.SoundView.as_view(), name="listen-sound"),
    path("listen/lines", frame.LinesView.as_view(), name="listen-lines"),
]

organization_urlpatterns: list[URLPattern] = [
    path("embedding", views.embedding_page, name="embedding"),
    path("embedding/<uuid:origin_id>/remove", views.remove_origin, name="remove-origin"),
]
