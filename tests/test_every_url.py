"""Every address against a stranger and nobody: the URL configuration is walked, none escapes."""

import uuid
from collections.abc import Iterator
from http import HTTPStatus

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from anyreach.organizations.models import PersonalAccessToken
from conversations.models import Conversation
from tests.conversations.factories import (
    make_agent,
    make_conversation,
    make_listen_session,
    make_phone_number,
)
from tests.listen_sdk.factories import make_embed_origin
from tests.organizations.factories import (
    bearer,
    make_api_key,
    make_invitation,
    make_member,
    make_organization,
    make_token,
)
from tests.transfer.factories import make_transfer

pytestmark = pytest.mark.django_db

# Open to anybody, and why.
PUBLIC = {
    "health": "tells only that we run",
    "openapi": "the API's description",
    "api-docs": "the same, readable",
    "livekit-webhook": "LiveKit signs its requests (test_webhooks.py)",
    "invitation": "the link is the credential",
    "account_reset_password_from_key": "the link is the credential",
    "start": "sends to sign-in",
    "listen-sdk": "the script that any page may load",
    "listen-sdk-release": "one version of it",
    "listen-sdk-types": "its types",
    "listen-frame": "what that script frames: no cookie is read (listen_sdk/test_frame.py)",
    "listen-session": "a listener token is the credential (listen_sdk/test_listener_endpoints.py)",
    "listen-sound": "the same",
    "listen-lines": "the same",
}
# People's own pages. Those that name nothing in their address are about nobody else.
OWN = ("account/", "accounts/")
# Lists of the asker's own organization: a stranger sees their own, which is empty of ours.
LISTS = {
    "core-conversations",
    "core-import",
    "core-agents",
    "core-phone-numbers",
    "admin-api-keys",
    "admin-members",
    "admin-my-scopes",
    "admin-invitations",
}
METHODS = ("get", "post", "put", "patch", "delete")


def walk(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, route)
        else:
            yield route, pattern.name or route


ADDRESSES = sorted(set(walk(get_resolver().url_patterns)))


def ours() -> dict[str, object]:
    """Make one of everything in an organization, by the name that addresses give it."""
    organization = make_organization()
    member = make_member(organization)
    invitation, _ = make_invitation(organization, "x@example.com", "viewer")
    conversation = make_conversation(organization)
    return {
        "org_slug": organization.slug,
        "conversation_id": conversation.pk,
        "phone_number": conversation.user_id,
        "session_id": make_listen_session(conversation).pk,
        "agent_id": make_agent(organization).pk,
        "phone_number_id": make_phone_number(organization).pk,
        "member_id": member.pk,
        "key_id": make_api_key(organization)[0].pk,
        "invitation_id": invitation.pk,
        "token_id": make_token(member.user)[0].pk,
        "origin_id": make_embed_origin(organization).pk,
        "transfer_id": make_transfer(conversation).pk,
    }


def address_of(route: str, things: dict[str, object]) -> str:
    for name, value in things.items():
        for converter in ("uuid", "slug", "str"):
            route = route.replace(f"<{converter}:{name}>", str(value))
    assert "<" not in route, f"{route}: say in ours() what stands here"
    return f"/{route}"


def addresses(*, without: str | tuple[str, ...]) -> list[tuple[str, str]]:
    return [each for each in ADDRESSES if each[1] not in PUBLIC and not each[0].startswith(without)]


def things_of_organizations() -> list[str]:
    prefix = "<slug:org_slug>/"
    return [r for r, _ in ADDRESSES if r.startswith(prefix) and "<" in r.removeprefix(prefix)]


def own_things() -> list[str]:
    own = [route for route, name in ADDRESSES if route.startswith(OWN) and name not in PUBLIC]
    return [route for route in own if "<" in route]


@pytest.mark.parametrize(("route", "name"), addresses(without=OWN), ids=lambda value: value)
@pytest.mark.parametrize("method", METHODS)
def test_to_a_stranger_it_does_not_exist(route, name, method):
    things = ours()
    address = address_of(route, things)
    stranger = make_member(make_organization())
    if route.startswith(("core/", "admin/")):
        headers = bearer(make_api_key(stranger.organization)[1])
        answer = getattr(Client(), method)(address, **body_of(method), headers=headers)
    else:
        client = Client()
        client.force_login(stranger.user)
        answer = getattr(client, method)(address)
    if answer.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return
    if name in LISTS:
        assert answer.status_code in (HTTPStatus.OK, HTTPStatus.UNPROCESSABLE_ENTITY)
        ids = [str(thing) for name, thing in things.items() if name != "org_slug"]
        assert not [each for each in ids if each in answer.content.decode()]
        return
    assert answer.status_code == HTTPStatus.NOT_FOUND, answer.content[:200]


@pytest.mark.parametrize("route", things_of_organizations())
@pytest.mark.parametrize("method", METHODS)
def test_by_the_address_of_their_own_organization_it_does_not_exist_either(route, method):
    stranger = make_member(make_organization())
    client = Client()
    client.force_login(stranger.user)
    address = address_of(route, {**ours(), "org_slug": stranger.organization.slug})
    answer = getattr(client, method)(address)
    assert answer.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)


@pytest.mark.parametrize(("route", "name"), addresses(without=OWN), ids=lambda value: value)
def test_nothing_of_it_is_kept_by_a_browser(route, name):
    things = ours()
    client = Client()
    client.force_login(make_member(Conversation.objects.get().organization).user)
    answer = client.get(address_of(route, things), headers={"X-Anyreach-Org": things["org_slug"]})
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("route", own_things())
def test_a_persons_own_things_do_not_exist_for_another(route):
    things = ours()
    client = Client()
    client.force_login(make_member(make_organization()).user)
    for method in METHODS:
        answer = getattr(client, method)(address_of(route, things))
        assert answer.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)
    assert PersonalAccessToken.objects.filter(pk=things["token_id"]).exists()


@pytest.mark.parametrize(("route", "name"), addresses(without="accounts/"), ids=lambda value: value)
@pytest.mark.parametrize("method", METHODS)
def test_nobody_is_asked_who_they_are(route, name, method):
    answer = getattr(Client(), method)(address_of(route, ours()), **body_of(method))
    if route.startswith(("core/", "admin/")):
        assert answer.status_code == HTTPStatus.UNAUTHORIZED
        assert set(answer.json()) == {"detail"}
    elif answer.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
        assert answer.status_code == HTTPStatus.FOUND
        assert answer["Location"].startswith("/accounts/sign-in")


def body_of(method: str) -> dict[str, object]:
    return {} if method == "get" else {"data": "{}", "content_type": "application/json"}


def test_lists_show_a_stranger_nothing_of_ours():
    ours()
    headers = bearer(make_api_key()[1])
    assert Client().get("/core/conversations", headers=headers).json() == []
    assert Conversation.objects.exists()


@pytest.mark.parametrize("prefix", ["core", "admin", "livekit", "public/listen"])
def test_under_the_api_even_unknown_addresses_answer_in_json(prefix):
    answer = Client().get(f"/{prefix}/{uuid.uuid4()}")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


def test_each_public_address_is_still_there():
    assert set(PUBLIC) <= {name for _, name in ADDRESSES}
