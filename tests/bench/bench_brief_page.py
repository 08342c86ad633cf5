"""How soon a brief's facts are on the screen, beside a page that asks no database."""

import pytest
from playwright.sync_api import Page

from tests.bench.figures import told
from tests.e2e.test_brief_page import NUMBER, make_call

OPENINGS = 30
LENGTHS = (40, 1000, 5000)
SAID = ("My kettle arrived broken.", "I am sorry. What is your order number?", "It is 4471.")

# The server paints the facts: they are in the first frame that has anything.
PAINTED = """
() => performance.getEntriesByName("first-contentful-paint")[0].startTime
"""


def paints_of(page: Page, address: str) -> list[float]:
    paints = []
    for number in range(OPENINGS + 1):
        page.goto(address)
        page.wait_for_function(
            "() => performance.getEntriesByName('first-contentful-paint').length"
        )
        if number:  # the first brings styles and scripts into the browser's cache
            paints.append(page.evaluate(PAINTED))
    return paints


@pytest.mark.timeout(600)
def bench_brief_facts_on_screen(
    page: Page, site, supervisor, organization, complaints: list[str]
) -> None:
    print()
    print(told("a static page, to its first paint", paints_of(page, f"{site.url}/health")))
    complaints.clear()  # it names no icon
    for number, length in enumerate(LENGTHS):
        said = [("agent" if at % 2 else "user", SAID[at % 3]) for at in range(length)]
        make_call(organization, said, user_id=f"{NUMBER}{number}")
        paints = paints_of(page, f"{site.url}/acme/agent-assist/{NUMBER}{number}")
        assert page.locator("#brief-reason").is_visible()
        assert page.locator(".turn").count() == length
        print(told(f"a brief of {length} turns, facts on the screen", paints))
