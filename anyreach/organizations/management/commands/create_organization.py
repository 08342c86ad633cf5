"""manage.py create_organization: a new organization, and the link that makes its first admin."""

import argparse
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from anyreach.organizations import invitations
from anyreach.organizations.caller import Caller
from anyreach.organizations.models import Organization
from anyreach.organizations.scopes import Role, Scope


class Command(BaseCommand):
    help = "Make an organization and print the link with which its first admin gets in."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--name", required=True)
        parser.add_argument("--slug", required=True, help="first part of its pages' addresses")
        parser.add_argument("--admin-email", required=True)

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        organization = Organization(name=options["name"], slug=options["slug"])
        email = options["admin_email"]
        try:
            organization.full_clean()
            validate_email(email)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        organization.save()
        operator = Caller(organization, frozenset(Scope))
        _, link = invitations.invite(
            caller=operator, email=email, role=Role.ADMIN, now=timezone.now()
        )
        self.stdout.write(f"{organization.name} is at /{organization.slug}/. Its first admin:")
        self.stdout.write(link)
