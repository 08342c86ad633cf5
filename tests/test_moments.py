"""A moment as pages write it, before any script runs."""

from datetime import UTC, datetime

import pytest
from django.template import engines

AT = datetime(2026, 3, 5, 7, 8, 9, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        ("", "5 Mar 2026"),
        ("recent", "5 Mar 2026"),
        ("seconds", "5 Mar 2026, 07:08:09"),
        ("time", "07:08:09"),
    ],
)
def test_a_moment_is_written_in_utc_and_says_how_a_browser_shows_it(shown, text):
    template = engines["django"].from_string("{% moment at shown %}")
    assert template.render({"at": AT, "shown": shown}) == (
        '<time datetime="2026-03-05T07:08:09.250000+00:00" title="2026-03-05 07:08:09 UTC"'
        f' data-local="{shown}">{text}</time>'
    )
