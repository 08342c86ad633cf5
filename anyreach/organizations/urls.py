"""Addresses of people, organizations and credentials."""

from django.urls import URLPattern, URLResolver

admin_urlpatterns: list[URLPattern | URLResolver] = []
account_urlpatterns: list[URLPattern | URLResolver] = []
organization_urlpatterns: list[URLPattern | URLResolver] = []
root_urlpatterns: list[URLPattern | URLResolver] = []
