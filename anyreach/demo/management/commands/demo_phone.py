"""manage.py demo_phone: a telephone call that is transferred, for make demo-phone."""

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from anyreach.demo import telephone
from anyreach.demo.player import BrokenOff
from anyreach.gateways.livekit.server import LiveKitAway
from anyreach.stack.phones import PhonesFailed


class Command(BaseCommand):
    help = "Call the demo's agent from a softphone, and have the call transferred to another one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--sip-port", type=int, required=True, help="livekit-sip's")

    def handle(self, *args: Any, **options: Any) -> None:
        access = json.loads((settings.STATE_DIR / "demo.json").read_text())
        began = time.monotonic()

        def tell(step: str) -> None:
            seconds = int(time.monotonic() - began)
            self.stdout.write(f"  {seconds // 60}:{seconds % 60:02}  {step}")
            self.stdout.flush()

        self.stdout.write("A telephone call, and its transfer")
        try:
            conversation_id, files = telephone.play(
                access,
                folder=settings.STATE_DIR / "phone",
                sip_port=options["sip_port"],
                tell=tell,
            )
        except (BrokenOff, LiveKitAway, PhonesFailed) as failure:
            raise CommandError(f"The telephone call broke off. {failure}") from failure
        caller, human = files
        page = f"{access['url']}/{access['organization']}/conversations/{conversation_id}"
        self.stdout.write(
            f"""
What was heard (left) and said (right)
  by the caller  {caller}
  by the human   {human}

The conversation
  {page}
"""
        )
