"""Shutting a person or an organization out, from the machine itself."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from anyreach.organizations import standing
from anyreach.organizations.models import Organization, User


class Command(BaseCommand):
    help = (
        "Shut a user or an organization out: pages, credentials and open ears, at once. "
        "Nothing is deleted; --undo lets them in again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        whom = parser.add_mutually_exclusive_group(required=True)
        whom.add_argument("--user", metavar="E-MAIL")
        whom.add_argument("--organization", metavar="SLUG")
        parser.add_argument("--undo", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        active = options["undo"]
        if options["user"]:
            user = User.objects.filter(email=options["user"].lower()).first()
            if user is None:
                raise CommandError(f"There is no user {options['user']}.")
            standing.set_user_active(user, active)
        else:
            organization = Organization.objects.filter(slug=options["organization"]).first()
            if organization is None:
                raise CommandError(f"There is no organization {options['organization']}.")
            standing.set_organization_active(organization, active)
        self.stdout.write("Let in again." if active else "Shut out.")
