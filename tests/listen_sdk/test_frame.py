"""GET /public/listen: the frame in a customer's page, and whom it refuses."""

import json
import re
import uuid
from http import HTTPStatus

import pytest
from django.conf import settings

from anyreach.organizations.standing import set_organization_active
from tests.listen_sdk.factories import make_embed_origin
from tests.organizations.factories import make_member, make_organization

pytestmark = pytest.mark.django_db

NOT_OURS = "This token was not made by this AnyReach installation."


@pytest.fixture
def organization():
    return make_organization("acme", "Acme Dental")


def frame(client, embed, referer=None, **more):
    headers = {"Referer": referer} if referer else {}
    return client.get("/public/listen", {"embed": str(embed), **more}, headers=headers)


def allowed(answer) -> list[str]:
    found = re.search(r'<script id="allowed-origins" type="application/json">(.*?)<', answer.text)
    return json.loads(found[1])


def policy(answer) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in answer["Content-Security-Policy"].split(";"))
    return {name: value for name, _, value in parts}


def assert_refused(answer, status):
    """It says why, wherever it is, and does nothing else."""
    assert answer.status_code == status
    assert "data-refusal" in answer.text
    assert "frame-ancestors" not in policy(answer)
    assert allowed(answer) == []


@pytest.mark.parametrize("referer", [None, "https://crm.example/", "http://localhost:3000/"])
def test_while_no_origin_is_listed_any_page_may_embed(client, organization, referer):
    answer = frame(client, organization.embed_id, referer)
    assert answer.status_code == HTTPStatus.OK
    assert "frame-ancestors" not in policy(answer)
    assert "X-Frame-Options" not in answer
    assert allowed(answer) == []
    assert f'data-embed="{organization.embed_id}"' in answer.text
    assert "data-refusal" not in answer.text


@pytest.mark.parametrize(
    "referer", [None, "https://crm.example/", settings.BASE_URL], ids=["none", "listed", "ours"]
)
def test_once_origins_are_listed_only_they_and_ours_may(client, organization, referer):
    make_embed_origin(organization, "https://crm.example")
    make_embed_origin(organization, "http://localhost:3000")
    make_embed_origin(make_organization(), "https://other.example")
    answer = frame(client, organization.embed_id, referer)
    assert answer.status_code == HTTPStatus.OK
    assert allowed(answer) == [settings.BASE_URL, "http://localhost:3000", "https://crm.example"]
    assert policy(answer)["frame-ancestors"] == (
        f"'self' {settings.BASE_URL} http://localhost:3000 https://crm.example"
    )


@pytest.mark.parametrize(
    "referer",
    [
        "https://evil.example/",
        "https://crm.example.evil.example/",
        "http://crm.example/",
        "https://crm.example:8443/",
        "https://crm.example@evil.example/",
        "https://evil.example/https://crm.example/",
    ],
)
def test_a_page_that_is_not_listed_is_told_where_to_list_it(client, organization, referer):
    make_embed_origin(organization, "https://crm.example")
    answer = frame(client, organization.embed_id, referer)
    assert_refused(answer, HTTPStatus.OK)
    assert "An administrator can list it on the page Embedding of AnyReach." in answer.text
    assert "acme" not in answer.text.lower()


@pytest.mark.parametrize("referer", ["null", "about:client", "data:text/html,x", "https://", "x y"])
def test_a_referer_that_names_no_page_still_meets_frame_ancestors(client, organization, referer):
    make_embed_origin(organization, "https://crm.example")
    answer = frame(client, organization.embed_id, referer)
    if "data-refusal" not in answer.text:
        assert "https://crm.example" in policy(answer)["frame-ancestors"]


@pytest.mark.parametrize("embed", ["", "x", "0", "<script>", "-" * 5000])
def test_a_frame_that_names_no_organization_says_so(client, embed):
    answer = frame(client, embed)
    assert_refused(answer, HTTPStatus.NOT_FOUND)
    assert NOT_OURS in answer.text
    assert "<script>" not in answer.text


def test_an_unknown_and_a_shut_organization_read_the_same(client, organization):
    make_embed_origin(organization)
    set_organization_active(organization, False)
    for embed in (organization.embed_id, uuid.uuid4()):
        answer = frame(client, embed)
        assert_refused(answer, HTTPStatus.NOT_FOUND)
        assert NOT_OURS in answer.text


def test_without_an_embed_id_it_says_so_too(client):
    assert_refused(client.get("/public/listen"), HTTPStatus.NOT_FOUND)


def test_it_can_do_little_and_is_kept_by_nobody(client, organization):
    answer = frame(client, organization.embed_id, panel="")
    rules = policy(answer)
    assert rules["default-src"] == "'none'"
    assert rules["script-src"].startswith("'self'")
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert answer["Cache-Control"] == "no-store"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert answer["Permissions-Policy"] == "microphone=(), camera=(), geolocation=()"


def test_who_is_signed_in_makes_no_difference(client, organization, django_assert_num_queries):
    client.force_login(make_member(organization).user)
    with django_assert_num_queries(2):  # the organization, its origins
        answer = frame(client, organization.embed_id)
    assert not answer.cookies
    assert "Cookie" not in answer.get("Vary", "")
