"""How pages write what a conversation holds."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import template

from conversations.models import ListenEvent, Turn

register = template.Library()


@register.filter
def clock(seconds: int | None) -> str:
    """Write whole seconds as 12:04, or 1:02:03; "-" for none."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@register.filter
def seconds_until(since: datetime, now: datetime) -> int:
    """Return whole seconds from `since`, 0 if that is to come."""
    return max(0, int((now - since).total_seconds()))


@register.filter
def words(value: str) -> str:
    """Write a value such as in_progress as people do: In progress."""
    return value.replace("_", " ").capitalize()


@register.filter
def pretty(value: Any) -> str:
    """Write a tool's request or response: JSON indented, text as it is."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


@register.filter
def response_ms(turn: Turn) -> int | None:
    """Return how long the agent took: end to end, else the model's first token."""
    latency = turn.latency or {}
    return latency.get("end_to_end_ms") or latency.get("llm_ttft_ms")


@register.filter
def latency_label(turn: Turn) -> str:
    latency = turn.latency or {}
    if "end_to_end_ms" in latency:
        return f"{latency['end_to_end_ms']} ms response"
    return f"{latency['llm_ttft_ms']} ms TTFT" if "llm_ttft_ms" in latency else ""


@register.filter
def slowest(turns: Iterable[Turn]) -> int:
    return max((response_ms(turn) or 0 for turn in turns), default=0)


@register.filter
def ledger_details(event: ListenEvent) -> str:
    """Write what a line of the ledger holds beside who, what and when."""
    details = event.details
    seconds = (
        f"{clock(details['seconds_in_room'])} in the room, "
        f"{clock(details['seconds_audible'])} audible (says their browser)"
        if "seconds_in_room" in details
        else ""
    )
    parts = (
        details.get("why", ""),
        words(details.get("ended_how", "")),
        seconds,
        f"By {details['by']}" if "by" in details else "",
        words(details.get("source", "")),
        details.get("origin", ""),
        details.get("ip", ""),
        "Renewed" if "renews" in details else "",
    )
    return " · ".join(part for part in parts if part)
