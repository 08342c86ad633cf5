"""A customer's getToken renews a token that lives ten seconds here: nobody notices."""

import pytest

from conversations.models import ListenSession
from tests.conftest import running_web
from tests.e2e.customers import customer_at
from tests.e2e.test_listen_sdk import frame_of, hears, script_of, wait_in_frame
from tests.e2e.test_renewal import SAMPLER, longest_silence_ms

RENEWING = """
window.asked = [];
const getToken = (why) => { asked.push(why); return mint(call, why); };
window.session = follow(AnyReach.listen({getToken}));
"""


@pytest.fixture
def site(transactional_db, livekit_server, worker):
    with running_web(LISTEN_TOKEN_TTL_S="10") as web:
        yield web


def test_over_two_renewals_no_sound_and_no_line_is_lost(page, site, live_call, organization):
    page.add_init_script(SAMPLER)
    with customer_at(site.url, organization) as customer:
        page.goto(customer.page(script_of(live_call, RENEWING)))
        page.evaluate("() => session.startAudio()")
        hears(page)
        frame = frame_of(page)
        frame.evaluate("() => sample()")
        wait_in_frame(page, "() => samples.some(([, level]) => level > 0.02)")
        frame.evaluate("() => { samples.length = 0; }")
        said = []
        renewals = ListenSession.objects.filter(first__isnull=False, joined_at__isnull=False)
        while renewals.count() < 2:
            said.append(f"This is sentence {len(said)}.")
            live_call.say(f"S{len(said)}", said[-1])
            page.wait_for_timeout(250)
        page.wait_for_timeout(2000)
    assert longest_silence_ms(frame.evaluate("() => samples")) < 100
    told = page.evaluate("() => happened.filter(([, line]) => line?.final)")
    assert [line["text"] for _, line in told] == said
    first, *others = page.evaluate("() => asked")
    assert first == {}
    assert all(why["renews"].startswith("listener-") for why in others)
    assert ListenSession.objects.filter(first=None).count() == 1
    errors = page.evaluate("() => happened.filter(([event]) => event === 'error')")
    assert errors == []
