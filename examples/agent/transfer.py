"""A warm transfer by plain HTTP: python transfer.py CONVERSATION NUMBER

It prints each status, and at the end why.
"""

import sys
import time
from typing import Any

from core import ask

UNDER_WAY = ("requested", "holding", "dialling", "ringing", "briefing")


def begin(conversation_id: str, number: str, instructions: str) -> Any:
    """Have a human called at `number`. Raises Refused."""
    body = {"transfer_number": number, "supervisor_instructions": instructions}
    return ask(f"conversations/{conversation_id}/warm-transfer", body)


def main(conversation_id: str, number: str) -> None:
    transfer = begin(conversation_id, number, "Please take this call over.")
    shown = ""
    while True:
        if transfer["status"] != shown:
            shown = transfer["status"]
            print(shown, transfer["reason"], flush=True)
        if shown not in UNDER_WAY:
            return
        time.sleep(0.5)
        transfer = ask(f"conversations/{conversation_id}/warm-transfer/{transfer['id']}")


if __name__ == "__main__":
    main(*sys.argv[1:])
