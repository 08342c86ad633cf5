"""Origins: what an administrator pastes, and what is kept of it."""

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from listen_sdk.embedding import origin_of
from listen_sdk.models import EmbedOrigin
from tests.listen_sdk.factories import make_embed_origin
from tests.organizations.factories import make_organization


@pytest.mark.parametrize(
    ("pasted", "origin"),
    [
        ("https://crm.example", "https://crm.example"),
        (" https://CRM.Example/ ", "https://crm.example"),
        ("HTTPS://crm.example/calls/1?x=y#z", "https://crm.example"),
        ("crm.example", "https://crm.example"),
        ("crm.example:8443/x", "https://crm.example:8443"),
        ("https://crm.example:443", "https://crm.example"),
        ("http://crm.example:80/", "http://crm.example"),
        ("http://crm.example:443", "http://crm.example:443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("https://user:secret@crm.example/", "https://crm.example"),
    ],
)
def test_what_was_pasted_is_cut_to_an_origin(pasted, origin):
    assert origin_of(pasted) == origin


@pytest.mark.parametrize(
    "pasted",
    [
        "",
        "null",
        "*",
        "https://*.example.com",
        "https://",
        "file:///home/x.html",
        "ftp://crm.example",
        "javascript:alert(1)",
        "https://crm.example:99999",
        "https://crm.example:x",
        "https://a;script-src *",
        "https://a b.example",
        "https://a,b.example",
        "https://a..example",
        "https://" + "a" * 300 + ".example",
        "http://[::1]:3000",
        "https://crm_test.example",
        "https://[",
    ],
)
def test_what_has_no_origin_is_refused(pasted):
    assert origin_of(pasted) is None


@given(st.text())
def test_an_origin_is_its_own_origin_whatever_is_pasted(pasted):
    origin = origin_of(pasted)
    if origin is not None:
        assert origin_of(origin) == origin
        assert not set(origin) & set(" ;,'\"*\r\n")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "origin",
    [
        "https://crm.example/",
        "HTTPS://crm.example",
        "https://crm.example:443",
        "http://crm.example:80",
        "https://*.example",
        "null",
        "",
        "https://a 'none'",
        "https://a\n",
    ],
)
def test_the_database_keeps_nothing_else(origin):
    organization = make_organization()
    with pytest.raises(IntegrityError), transaction.atomic():
        make_embed_origin(organization, origin)


@pytest.mark.django_db
def test_an_organization_lists_an_origin_once_and_others_may_too():
    organization = make_organization()
    make_embed_origin(organization)
    make_embed_origin(make_organization())
    with pytest.raises(IntegrityError), transaction.atomic():
        make_embed_origin(organization)
    assert EmbedOrigin.objects.count() == 2


@pytest.mark.parametrize(
    ("origin", "is_safe"),
    [
        ("https://crm.example", True),
        ("http://localhost:3000", True),
        ("http://127.0.0.1", True),
        ("http://crm.example", False),
        ("http://localhost.example", False),
    ],
)
def test_http_is_safe_on_ones_own_machine_only(origin, is_safe):
    assert EmbedOrigin(origin=origin).is_safe == is_safe
