"""manage.py check_telephony: is everything there that phone calls and warm transfers need?"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from anyreach.organizations.models import Organization
from conversations.models import OutboundTrunk
from conversations.phones import preflight

WORDS = {True: "ok", False: "missing", None: "not known"}


class Command(BaseCommand):
    help = (
        "Say what is there and what is missing for phone calls and warm transfers, and what to do "
        "about it. Calls nobody, and leaves nothing in LiveKit. Run it where the worker runs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organization", metavar="SLUG", help="only this one's trunk")

    def handle(self, *args: Any, **options: Any) -> None:
        slug = options["organization"]
        trunks = OutboundTrunk.objects.select_related("organization").order_by("organization__slug")
        if slug:
            if not Organization.objects.filter(slug=slug).exists():
                raise CommandError(f"There is no organization {slug}.")
            trunks = trunks.filter(organization__slug=slug)
        all_is_there = True
        for finding in preflight.findings(list(trunks)):
            line = f"{WORDS[finding.is_there]:<9}  {finding.what}: {finding.sentence}"
            self.stdout.write(line)
            self.stdout.flush()
            all_is_there &= bool(finding.is_there)
        if not all_is_there:
            raise CommandError("Something is missing for phone calls or warm transfers.")
