"""How fast the inbox and its filters are as conversations grow. BENCH_VOLUME=1000000 for many."""

import json
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

import httpx
import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from anyreach.organizations.models import Organization
from anyreach.organizations.scopes import Role
from conversations.models import Agent, Conversation, Status
from conversations.paging import Cursor
from conversations.volume import RARE_CALLER, RARE_CAMPAIGN
from tests.bench.figures import p95_of
from tests.conftest import running_web
from tests.environment import WEB_PORT
from tests.organizations.factories import bearer, make_api_key, make_member

SMALL = 10_000
LARGE = int(os.environ.get("BENCH_VOLUME", 0))
RUNS = 40
WARM_UP = 1
PAGE = 50
DEEP = 200


@dataclass(frozen=True)
class Seeded:
    """An organization that `seed_volume` has filled."""

    organization: Organization

    def addresses(self) -> dict[str, str]:
        """Return what is measured: addresses of pages, by what they show."""
        agents = {
            each.name: each.pk for each in Agent.objects.filter(organization=self.organization)
        }
        busiest, left, idle = (agents[f"Agent {number}"] for number in ("01", "02", "16"))
        now = timezone.now()
        month = {
            "created_after": f"{now - timedelta(days=200):%Y-%m-%dT%H:%M}",
            "created_before": f"{now - timedelta(days=170):%Y-%m-%dT%H:%M}",
        }
        filters: dict[str, dict[str, object]] = {
            "inbox": {},
            f"inbox, page {DEEP}": {"cursor": self._deep_cursor()},
            "agent, the busiest": {"agent_id": busiest},
            "agent that left a year ago": {"agent_id": left},
            "agent without calls": {"agent_id": idle},
            "direction": {"direction": "outbound"},
            "status, the most frequent": {"status": "completed"},
            "status, 3 %": {"status": "failed"},
            "status, live now": {"status": "live"},
            "channel": {"channel": "webrtc"},
            "channel without calls": {"channel": "email"},
            "campaign": {"campaign": "renewals"},
            "campaign, once": {"campaign": RARE_CAMPAIGN},
            "campaign, none": {"campaign": "none-such"},
            "caller, many": {"user_id": "2025"},
            "caller, once": {"user_id": RARE_CALLER},
            "caller, none": {"user_id": "none-such"},
            "duration of 15 minutes or more": {"duration_above": 900},
            "duration of a day or more": {"duration_above": 86_400},
            "duration of 30 seconds or less": {"duration_below": 30},
            "11 user turns or more": {"user_turn_count_above": 11},
            "1,000 user turns or more": {"user_turn_count_above": 1000},
            "a month, half a year ago": month,
            "agent + status": {"agent_id": busiest, "status": "failed"},
            "agent that left + status": {"agent_id": left, "status": "completed"},
            "agent + channel without calls": {"agent_id": busiest, "channel": "email"},
            "agent + duration": {"agent_id": busiest, "duration_above": 600},
            "status + month": {"status": "failed", **month},
            "status + campaign": {"status": "transferred", "campaign": "survey"},
            "status + duration, none": {"status": "failed", "duration_above": 1},
            "caller + month": {"user_id": "99", **month},
            "caller, once + status": {"user_id": RARE_CALLER, "status": "completed"},
            "campaign + month": {"campaign": "beta", **month},
            "direction + channel, none": {"direction": "outbound", "channel": "webrtc"},
        }
        inbox = f"/{self.organization.slug}/conversations"
        pages = {name: f"{inbox}?{urlencode(given)}" for name, given in filters.items()}
        found = Conversation.objects.filter(organization=self.organization, user_id=RARE_CALLER)
        beta = {"custom_metadata": json.dumps({"anyreach_campaign": "beta"})}
        return {
            **pages,
            "a conversation": f"{inbox}/{found.get().pk}",
            "API, list": "/core/conversations",
            "API, list by campaign": f"/core/conversations?{urlencode(beta)}",
        }

    def _deep_cursor(self) -> Cursor:
        listed = Conversation.objects.filter(organization=self.organization)
        listed = listed.exclude(status=Status.TOKEN_CREATED).order_by("-created_at", "-id")
        before = min(PAGE * (DEEP - 1), listed.count() - PAGE)
        return Cursor.after(listed[before - 1])

    def browser(self) -> Client:
        """Return a supervisor's browser, which is a program's too: it sends an API key."""
        _, key = make_api_key(self.organization, Role.SUPERVISOR)
        browser = Client(headers=bearer(key))
        browser.force_login(make_member(self.organization, Role.SUPERVISOR).user)
        return browser

    def client(self) -> httpx.Client:
        """Return a connection of that browser to the running web process."""
        browser = self.browser()
        return httpx.Client(
            base_url=f"http://127.0.0.1:{WEB_PORT}",
            headers={"Authorization": browser.defaults["HTTP_AUTHORIZATION"]},
            cookies={name: cookie.value for name, cookie in browser.cookies.items()},
            timeout=60,
        )

    def plan(self, name: str) -> str:
        """Return how PostgreSQL goes about the slowest query of what is called `name`."""
        browser, address = self.browser(), self.addresses()[name]
        with CaptureQueriesContext(connection) as queries:
            browser.get(address)
        slowest = max(queries.captured_queries, key=lambda query: float(query["time"]))
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {slowest['sql']}")
            return "\n".join(line for (line,) in cursor.fetchall())


def measured(several: Sequence[Seeded]) -> list[dict[str, list[float]]]:
    """Return how many milliseconds each answer takes, by what it shows, of each organization.

    They take turns: this machine may be half as fast a minute later.
    """
    took: list[dict[str, list[float]]] = [defaultdict(list) for _ in several]
    with running_web(), ExitStack() as connected:
        clients = [connected.enter_context(seeded.client()) for seeded in several]
        pages = [seeded.addresses() for seeded in several]
        for name in pages[0]:
            for run in range(RUNS + WARM_UP):
                for client, addresses, times in zip(clients, pages, took, strict=True):
                    began = time.perf_counter()
                    client.get(addresses[name]).raise_for_status()
                    if run >= WARM_UP:
                        times[name].append((time.perf_counter() - began) * 1000)
    return took


def print_table(columns: Sequence[tuple[str, dict[str, list[float]]]]) -> None:
    """Print a row for each page; the ratio is of the last two columns."""
    *_, (_, few), (_, many) = columns
    print(f"\nServer time in ms, {RUNS} requests each, over one connection on this machine")
    print(" " * 34 + "".join(f"{title:>23}" for title, _ in columns) + "   ratio")
    print(" " * 34 + f"{'p50    p95':>23}" * len(columns) + "  of p95")
    for name in many:
        row = "".join(
            f"{statistics.median(took[name]):16.1f} {p95_of(took[name]):6.1f}"
            for _, took in columns
        )
        print(f"{name:34}{row}{p95_of(many[name]) / p95_of(few[name]):8.2f}")


@pytest.mark.timeout(3600)
def bench_volume(transactional_db: None) -> None:
    """Without LARGE the small one takes turns with itself: what the machine alone makes of it."""
    small = seeded_with(SMALL)
    (alone,) = measured([small])
    other = seeded_with(LARGE) if LARGE else small
    few, many = measured([small, other])
    print_table(
        [
            (f"{SMALL:,} alone", alone),
            (f"{SMALL:,} in turns", few),
            (f"{LARGE or SMALL:,} in turns", many),
        ]
    )
    slowest = max(many, key=lambda name: p95_of(many[name]))
    print(f"\nSlowest: {slowest}\n{other.plan(slowest)}")


def seeded_with(conversations: int) -> Seeded:
    slug = f"volume-{conversations}"
    call_command("seed_volume", conversations=conversations, organization=slug)
    return Seeded(Organization.objects.get(slug=slug))
