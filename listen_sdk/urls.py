"""Addresses of the listen SDK: what a customer's page loads, and where an organization rules it."""

from django.urls import URLPattern

public_urlpatterns: list[URLPattern] = []

organization_urlpatterns: list[URLPattern] = []
