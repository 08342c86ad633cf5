"""The API's description, for programs and for people."""

import warnings

import httpx
import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from playwright.sync_api import expect


def test_the_document_is_valid_and_complete():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        document = SchemaGenerator().get_schema(request=None, public=True)
    validate_schema(document)
    for path in (
        "/core/conversations",
        "/core/conversations/{conversation_id}",
        "/core/conversations/{conversation_id}/end",
        "/core/conversations/{conversation_id}/listener-token",
        "/core/conversations/import",
        "/core/agents/{agent_id}",
        "/core/phone-numbers/{phone_number_id}",
        "/admin/organization-pats",
        "/admin/members/me/scopes",
    ):
        assert path in document["paths"]


@pytest.mark.django_db
def test_the_document_is_served_to_anybody():
    answer = Client().get("/core/openapi.json")
    assert answer.status_code == httpx.codes.OK
    assert answer.json()["openapi"].startswith("3.")


def test_people_can_read_it(page, site, complaints):
    page.goto(f"{site.url}/docs/api")
    expect(page.get_by_role("heading", name="AnyReach")).to_be_visible()
    expect(
        page.get_by_role("heading", name="Get a token to hear an active conversation, unseen")
    ).to_be_visible()
    # Redoc wants a logo from elsewhere, which our policy does not let it have.
    complaints[:] = [each for each in complaints if "logo-mini.svg" not in each]
