"""manage.py seed_volume: fill a database to measure on."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, models, transaction
from django.utils import timezone

from anyreach.organizations.models import Organization
from anyreach.stack.progress import Progress
from conversations.models import Agent, Conversation
from conversations.volume import COLUMNS, Party, Row, Volume

AGENTS = 16
BATCH = 5_000


def count(text: str) -> int:
    number = int(text.replace(",", "").replace("_", ""))
    if number < 1:
        raise ArgumentTypeError("must be 1 or more")
    return number


class Command(BaseCommand):
    help = (
        "Fill an organization with conversations of two years, the same ones each time, to measure "
        "how fast pages are. A second one, <slug>-neighbour, gets a quarter as many. 1,000,000 "
        "conversations with 10 turns each need about 6 GB of disk. Nothing of it is ever deleted: "
        "use a database that you can drop."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--conversations", type=count, default=1_000_000, metavar="N")
        parser.add_argument("--turns-per-conversation", type=count, default=10, metavar="N")
        parser.add_argument(
            "--organization",
            default="volume",
            metavar="SLUG",
            help="made if there is none; to get into its pages, make it with create_organization",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        slug = options["organization"]
        volume = Volume(
            ours=_party(slug),
            neighbour=_party(f"{slug}-neighbour"),
            conversations=options["conversations"],
            turns_each=options["turns_per_conversation"],
            now=timezone.now(),
        )
        with Progress("Conversations", volume.total) as progress:
            for begin in range(0, volume.total, BATCH):
                numbers = range(begin, min(begin + BATCH, volume.total))
                with transaction.atomic():
                    for table, rows in volume.rows(numbers).items():
                        _copy(table, rows)
                progress.done = numbers.stop
        with Progress("Statistics"), connection.cursor() as cursor:
            for table in COLUMNS:
                # Plans rest on what ANALYZE counts; index-only scans on what VACUUM has seen.
                cursor.execute(f"VACUUM (ANALYZE) {table._meta.db_table}")


def _party(slug: str) -> Party:
    organization, _ = Organization.objects.get_or_create(slug=slug, defaults={"name": slug.title()})
    if Conversation.objects.filter(organization=organization).exists():
        raise CommandError(
            f"The organization {slug} has conversations already. Name another with --organization."
        )
    agents = [
        Agent.objects.get_or_create(organization=organization, name=f"Agent {number:02}")[0].pk
        for number in range(1, AGENTS + 1)
    ]
    return Party(organization.pk, agents)


def _copy(table: type[models.Model], rows: list[Row]) -> None:
    columns = ", ".join(COLUMNS[table])
    copying = f"COPY {table._meta.db_table} ({columns}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(copying) as copy:
        for row in rows:
            copy.write_row(row)
