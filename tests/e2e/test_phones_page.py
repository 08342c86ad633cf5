"""The page Phones in a browser: a test call is told as it goes."""

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from anyreach.organizations.scopes import Role
from conversations.models import TrialCall
from tests.conversations.factories import make_trunk
from tests.e2e.conftest import sign_in
from tests.e2e.test_pages import LOOKS, assert_fits, violations
from tests.organizations.factories import make_member


@pytest.fixture
def admin(context, web, organization):
    make_trunk(organization)
    sign_in(context, make_member(organization, Role.ADMIN).user, web)


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_a_test_call_is_told_as_it_goes(admin, page: Page, web, width, scheme):
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{web.url}/acme/phones")
    page.get_by_label("Who is called").fill("+49 30 555010")
    page.keyboard.press("Enter")
    expect(page.get_by_text("+4930555010: It waits for a worker.")).to_be_visible()
    assert violations(page) == []
    assert_fits(page)
    TrialCall.objects.update(dialled_at=timezone.now())
    expect(page.get_by_text("+4930555010: It is called.")).to_be_visible()
    TrialCall.objects.update(finished_at=timezone.now(), result="The line was busy.")
    expect(page.get_by_text("+4930555010: The line was busy.")).to_be_visible()
