"""The form of credentials, and how they are compared."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyreach.organizations.credentials import Credential, hash_of, matches, new_secret

ID = UUID("0190a1b2-c3d4-4e5f-8a9b-0c1d2e3f4a5b")
SECRETS = st.text("ABCxyz019_-", min_size=43, max_size=43)


@given(kind=st.sampled_from(["ak", "pat"]), id=st.uuids(), secret=SECRETS)
def test_what_is_written_is_read_again(kind, id, secret):
    credential = Credential(kind, id, secret)
    assert Credential.read(str(credential)) == credential


@given(st.text())
def test_any_text_is_read_or_refused_but_never_an_error(text):
    credential = Credential.read(text)
    assert credential is None or str(credential) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ak_",
        f"ak_{ID}",
        f"ak_{ID}.short",
        f"sk_{ID}.{'a' * 43}",
        f"AK_{ID}.{'a' * 43}",
        f"ak_{str(ID).upper()}.{'a' * 43}",
        f"ak_{ID.hex}.{'a' * 43}",
        f"ak_{{{ID}}}.{'a' * 43}",
        f"ak_{ID}.{'a' * 44}",
        f"ak_{ID}.{'a' * 43}\n",
        f" ak_{ID}.{'a' * 43}",
        f"ak_{ID}.{'é' * 43}",
    ],
)
def test_what_has_not_the_form_is_none(text):
    assert Credential.read(text) is None


def test_secrets_are_long_random_and_have_the_form():
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(Credential.read(f"pat_{ID}.{secret}") for secret in secrets)


def test_only_the_secret_itself_matches_its_hash():
    secret = new_secret()
    assert matches(secret, hash_of(secret))
    assert not matches(new_secret(), hash_of(secret))
    assert not matches(secret, None)
    assert not matches("", None)


def test_the_secret_is_not_in_what_is_logged():
    credential = Credential("ak", ID, new_secret())
    assert credential.secret not in repr(credential)
    assert credential.secret not in hash_of(credential.secret)
