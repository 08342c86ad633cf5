"""Has anybody changed the listening ledger?"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from anyreach.organizations.models import Organization
from conversations import ledger
from conversations.models import ListenEvent


class Command(BaseCommand):
    help = (
        "Recompute the listening ledger's hashes. Tells the first line that does not fit, and "
        "prints the newest line's number and hash: keep them elsewhere, and give them back with "
        "--expect to see that no line has been cut off since."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organization", metavar="SLUG", help="only this organization's")
        parser.add_argument(
            "--expect",
            metavar="NUMBER:HASH",
            help="a line that was printed before; needs --organization",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        slug, expected = options["organization"], options["expect"]
        if expected and not slug:
            raise CommandError("--expect needs --organization: each has a ledger of its own.")
        organizations = Organization.objects.order_by("slug")
        if slug:
            organizations = organizations.filter(slug=slug)
            if not organizations:
                raise CommandError(f"There is no organization {slug}.")
        verdicts = [self._verified(organization) for organization in organizations]
        if expected:
            self._compare(organizations[0], expected)
        if not all(verdicts):
            raise CommandError("The ledger has been changed.")

    def _verified(self, organization: Organization) -> bool:
        verdict = ledger.verify(organization.pk)
        if verdict.wrong:
            self.stderr.write(f"{organization.slug}: {verdict.wrong}")
            return False
        newest = f" Newest: {verdict.lines}:{verdict.newest_hash}" if verdict.lines else ""
        self.stdout.write(f"{organization.slug}: {verdict.lines} lines fit.{newest}")
        return True

    def _compare(self, organization: Organization, expected: str) -> None:
        number, _, expected_hash = expected.partition(":")
        if not number.isdecimal():
            raise CommandError("--expect is a line's number and its hash, as 12:9f86d0….")
        lines = ListenEvent.objects.filter(organization=organization, sequence=int(number))
        line = lines.first()
        if line is None:
            raise CommandError(f"{organization.slug}: line {number} is missing.")
        if line.hash != expected_hash:
            raise CommandError(f"{organization.slug}: line {number} is not the one it was.")
