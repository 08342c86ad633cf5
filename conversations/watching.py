"""What happens to one conversation, told to an open page."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from anyreach.live.feed import RIGHTS, feed
from anyreach.live.streams import ask
from anyreach.organizations.pages import Reader

CHECK_EVERY_S = 15
STILL_HERE = ": still here\n\n"


async def changes_of(conversation_id: UUID, reader: Reader) -> AsyncIterator[str | None]:
    """Yield what has changed ("missed": anything may have), and None after a while without.

    Ends when the reader is signed out, or has not the same rights any more.
    """
    organization_id = reader.caller.organization.pk
    now = asyncio.get_running_loop().time
    check_at = 0.0
    async with feed.changes() as changes:
        while True:
            if now() >= check_at:
                if not await ask(reader.may_go_on):
                    return
                check_at = now() + CHECK_EVERY_S
            try:
                change = await asyncio.wait_for(changes.get(), check_at - now())
            except TimeoutError:
                yield None
                continue
            is_rights = change.what == RIGHTS and change.organization_id == organization_id
            if is_rights or change.is_missed:
                check_at = 0.0
            if change.conversation_id == conversation_id or change.is_missed:
                yield change.what
