"""Moments on pages: in UTC where no script runs, else in the reader's zone (pages/shell.js)."""

from datetime import datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def moment(value: datetime, shown: str = "") -> SafeString:
    """Write a moment in UTC as a <time>. `shown`: how the reader's browser writes it.

    Django's filter for dates, three times for each moment, takes four times as long: it was more
    than a quarter of what the inbox's rows cost.
    """
    day, time = f"{value.day} {value:%b %Y}", f"{value:%H:%M:%S}"
    text = {"time": time, "seconds": f"{day}, {time}"}.get(shown, day)
    return format_html(
        '<time datetime="{}" title="{} {} UTC" data-local="{}">{}</time>',
        *(value.isoformat(), value.date(), time, shown, text),
    )
