"""What a page has shown is gone with it."""

import gc
import weakref

import pytest
from django.http import HttpRequest
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string

PART = "conversations/partials/status.html"


class Conversation:
    status = "completed"


@pytest.fixture
def _no_garbage_collection():
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_garbage_collection")
def test_nothing_that_was_shown_is_left_to_the_garbage_collector():
    conversation = Conversation()
    is_left = weakref.ref(conversation)
    assert "Completed" in render_to_string(PART, {"conversation": conversation}, HttpRequest())
    del conversation
    assert is_left() is None


def test_a_template_that_is_not_there_is_named():
    with pytest.raises(TemplateDoesNotExist, match="no_such_page"):
        render_to_string("no_such_page.html")
