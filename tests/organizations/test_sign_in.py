"""Sign-in, which is allauth's, as we set it up."""

from http import HTTPStatus

import pytest
from allauth.mfa.totp.internal import auth as totp
from django.core import mail
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from anyreach.organizations.models import Organization, User
from tests.organizations.factories import PASSWORD, make_user

pytestmark = pytest.mark.django_db

SIGN_IN = "/accounts/sign-in"


def sign_in(client, email="ada@example.com", password=PASSWORD):
    return client.post(SIGN_IN, {"login": email, "password": password})


def test_e_mail_in_any_case_and_password_sign_in(client):
    make_user("ada@example.com", password=PASSWORD)
    assert sign_in(client, "ADA@Example.COM").headers["Location"] == "/"
    assert client.get("/account/tokens").status_code == HTTPStatus.OK


def test_a_wrong_password_and_an_unknown_address_are_told_alike(client):
    make_user("ada@example.com", password=PASSWORD)
    wrong, unknown = sign_in(client, password="wrong"), sign_in(client, "x@example.com")
    sentence = "email address and/or password you specified are not correct"
    assert sentence in wrong.text
    assert sentence in unknown.text


def test_guessing_is_limited(client):
    make_user("ada@example.com", password=PASSWORD)
    for _ in range(5):
        sign_in(client, password="wrong")
    assert "Too many failed login attempts" in sign_in(client).text


def test_a_machine_that_tries_on_is_told_when_to_come_back(client):
    answers = [sign_in(client, f"person{n}@example.com") for n in range(31)]
    refused = answers[-1]
    assert refused.status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert refused.headers["Retry-After"] == "60"
    assert "Wait a minute" in refused.text


def test_a_disabled_user_cannot_sign_in_and_is_out_at_once(client):
    user = make_user("ada@example.com", password=PASSWORD)
    sign_in(client)
    user.is_active = False
    user.save()
    assert client.get("/account/tokens").status_code == HTTPStatus.FOUND
    sign_in(client)
    assert client.get("/account/tokens").status_code == HTTPStatus.FOUND


def test_nobody_signs_up_by_themselves(client):
    body = {"email": "new@example.com", "password1": PASSWORD, "password2": PASSWORD}
    answer = client.post("/accounts/sign-up", body)
    assert "by invitation" in answer.text
    assert not User.objects.exists()


def test_sign_out_takes_a_post(client):
    make_user("ada@example.com", password=PASSWORD)
    sign_in(client)
    client.get("/accounts/sign-out")
    assert client.get("/account/tokens").status_code == HTTPStatus.OK
    assert client.post("/accounts/sign-out").headers["Location"] == SIGN_IN
    assert client.get("/account/tokens").status_code == HTTPStatus.FOUND


def test_one_is_not_sent_to_another_site_after_sign_in(client):
    make_user("ada@example.com", password=PASSWORD)
    body = {"login": "ada@example.com", "password": PASSWORD, "next": "https://evil.example/"}
    assert client.post(SIGN_IN, body).headers["Location"] == "/"


def test_a_password_is_chosen_anew_by_e_mail(client, settings):
    settings.SENDS_EMAIL = True
    user = make_user("ada@example.com", password=PASSWORD)
    client.post("/accounts/password/reset", {"email": "ada@example.com"})
    [letter] = mail.outbox
    path = letter.body.partition("http://testserver")[2].split()[0]
    form = client.get(path).headers["Location"]
    new = "a wholly different phrase"
    client.post(form, {"password1": new, "password2": new})
    user.refresh_from_db()
    assert user.check_password(new)
    assert client.get(path).status_code == HTTPStatus.OK  # and says that it is used up
    assert "used up" in client.get(path).text


def test_a_stranger_learns_nothing_from_the_reset_form(client):
    known = make_user("ada@example.com", password=PASSWORD)
    answers = [
        client.post("/accounts/password/reset", {"email": email}, follow=True).text
        for email in (known.email, "x@example.com")
    ]
    assert answers[0] == answers[1]
    assert [letter.to for letter in mail.outbox] == [[known.email]]


def test_a_password_is_changed_by_who_knows_it(client):
    user = make_user("ada@example.com", password=PASSWORD)
    sign_in(client)
    new = "a wholly different phrase"
    body = {"oldpassword": "wrong", "password1": new, "password2": new}
    client.post("/account/password", body)
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    client.post("/account/password", {**body, "oldpassword": PASSWORD})
    user.refresh_from_db()
    assert user.check_password(new)


def test_with_a_second_factor_the_password_alone_is_not_enough(client):
    make_user("ada@example.com", password=PASSWORD)
    sign_in(client)
    set_up = "/account/second-factor/totp/activate/"
    client.post("/accounts/reauthenticate", {"password": PASSWORD})
    secret = client.get(set_up).context["form"].secret
    answer = client.post(set_up, {"code": _code_now(secret)}, follow=True)
    assert len(answer.context["unused_codes"]) == 10
    recovery = answer.context["unused_codes"][0]
    assert recovery in answer.text
    client.post("/accounts/sign-out")

    asked = sign_in(client)
    assert asked.headers["Location"].startswith("/account/second-factor/authenticate/")
    assert client.get("/account/tokens").status_code == HTTPStatus.FOUND
    refused = client.post(asked.headers["Location"], {"code": "000000"})
    assert refused.status_code == HTTPStatus.OK
    assert client.get("/account/tokens").status_code == HTTPStatus.FOUND
    client.post(asked.headers["Location"], {"code": recovery})
    assert client.get("/account/tokens").status_code == HTTPStatus.OK


def test_sessions_elsewhere_are_listed_and_ended(client):
    make_user("ada@example.com", password=PASSWORD)
    elsewhere = Client()
    sign_in(client)
    sign_in(elsewhere)
    assert "this one" in client.get("/account/sessions").text
    client.post("/account/sessions")
    assert elsewhere.get("/account/tokens").status_code == HTTPStatus.FOUND
    assert client.get("/account/tokens").status_code == HTTPStatus.OK


def _code_now(secret):
    counter = next(totp.yield_hotp_counters_from_time())
    return totp.format_hotp_value(totp.hotp_value(secret, counter))


def test_an_organization_is_made_with_a_link_for_its_admin(client, capsys):
    call_command("create_organization", name="Acme", slug="acme", admin_email="Ada@example.com")
    link = capsys.readouterr().out.split()[-1]
    path = "/accounts/" + link.partition("/accounts/")[2]
    client.post(path, {"name": "Ada", "password": PASSWORD, "password_again": PASSWORD})
    membership = User.objects.get(email="ada@example.com").memberships.get()
    assert (membership.organization.slug, membership.role) == ("acme", "admin")


@pytest.mark.parametrize(
    "change", [{"slug": "admin"}, {"slug": "A b"}, {"name": ""}, {"admin_email": "nobody"}]
)
def test_a_bad_organization_is_refused_in_a_sentence(change):
    good = {"name": "Acme", "slug": "acme", "admin_email": "ada@example.com"}
    with pytest.raises(CommandError):
        call_command("create_organization", **{**good, **change})
    assert not Organization.objects.exists()
