"""What logs may hold: fixed sentences and ids, nothing that anybody said or dialled."""

import logging

from django.http import HttpRequest


class NoAddresses(logging.Filter):
    """Keep requests' addresses out of the log: a path can hold a phone number."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        if isinstance(request, HttpRequest):
            record.msg, record.args = "A request failed", ()
            record.route = request.resolver_match.route if request.resolver_match else None
            record.request = None
        return True
