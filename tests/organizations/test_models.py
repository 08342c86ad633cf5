"""What the database itself refuses."""

import pytest
from django.db import IntegrityError, transaction

from anyreach.organizations.models import (
    RESERVED_SLUGS,
    ApiKey,
    Invitation,
    Membership,
    Organization,
    User,
)
from tests.organizations.factories import make_api_key, make_member, make_organization, make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("slug", [*RESERVED_SLUGS, "", "Acme", "-a", "a-", "a--b", "a_b", "ä"])
def test_slugs_that_would_not_be_an_address_are_refused(slug):
    with pytest.raises(IntegrityError), transaction.atomic():
        Organization.objects.create(slug=slug, name="Acme")


def test_a_slug_belongs_to_one_organization():
    make_organization("acme")
    with pytest.raises(IntegrityError), transaction.atomic():
        make_organization("acme")


def test_e_mail_addresses_are_the_same_in_any_case():
    make_user("Ada@Example.com")
    assert User.objects.get_by_natural_key("ADA@example.COM").email == "ada@example.com"
    with pytest.raises(IntegrityError), transaction.atomic():
        make_user("ada@EXAMPLE.com")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(email="Grace@example.com")


def test_nobody_is_twice_in_an_organization():
    membership = make_member()
    with pytest.raises(IntegrityError), transaction.atomic():
        make_member(membership.organization, user=membership.user)


@pytest.mark.parametrize("model", [Membership, ApiKey])
def test_a_role_is_one_of_the_three(model):
    organization = make_organization()
    make_member(organization)
    make_api_key(organization)
    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.update(role="owner")


def test_a_key_has_a_name():
    make_api_key()
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.objects.update(name="")


def test_credentials_are_stored_as_hashes_only():
    api_key, credential = make_api_key()
    secret = credential.partition(".")[2]
    stored = ApiKey.objects.filter(pk=api_key.pk).values().get()
    assert secret not in str(stored)
    assert not any(field.name == "secret" for field in Invitation._meta.get_fields())
