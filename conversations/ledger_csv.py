"""The listening ledger as a file for spreadsheets."""

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC

from conversations.models import ListenEvent

DETAILS = (
    *("source", "origin", "ip", "user_agent", "renews", "why", "by"),
    *("ended_how", "seconds_in_room", "seconds_audible"),
)
COLUMNS = (
    *("sequence", "at", "kind", "told_by", "who", "conversation_id", "session_id"),
    *DETAILS,
    "hash",
)
# What makes spreadsheets compute a cell, in their full-width forms too.
BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001


class _Lines:
    """A file to csv.writer that hands back each line."""

    def write(self, line: str) -> str:
        return line


def lines_of(events: Iterable[ListenEvent]) -> Iterator[str]:
    """Yield the lines of the file, the names of the columns first. Times are UTC, ISO 8601."""
    writer = csv.writer(_Lines())
    yield writer.writerow(COLUMNS)
    for event in events:
        details = [str(event.details.get(name, "")) for name in DETAILS]
        row = [
            str(event.sequence),
            event.at.astimezone(UTC).isoformat(timespec="milliseconds"),
            *(event.kind, event.told_by, event.who),
            *(str(event.conversation_id or ""), str(event.session_id or "")),
            *(*details, event.hash),
        ]
        yield writer.writerow([as_text(cell) for cell in row])


def as_text(cell: str) -> str:
    """Return `cell` so that no spreadsheet takes it for a formula."""
    return f"'{cell}" if cell.startswith(BEGINS_A_FORMULA) else cell
