"""A voice agent on livekit-agents whose calls come into AnyReach: python agent.py start

LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET are your LiveKit's; without them it serves
`make demo`. There is nothing of AnyReach in it.
"""

# livekit-agents is only in the example's own venv, so its types are not known to checks.
# mypy: allow-subclassing-any, allow-untyped-decorators

import json
import os
from pathlib import Path

from fakes import FakeLLM, FakeSTT, FakeTTS
from livekit.agents import Agent, AgentServer, AgentSession, JobContext, cli, function_tool

HEARD = [
    "Hello, I would like a refund for order 4471.",
    "Yes, the lid is broken.",
    "Wait, one more thing.",
    "Thank you, goodbye.",
]

if "LIVEKIT_URL" not in os.environ:
    demo = json.loads((Path(__file__).parents[2] / ".anyreach/demo.json").read_text())["livekit"]
    os.environ |= {f"LIVEKIT_{name.upper()}": value for name, value in demo.items()}


class RefundDesk(Agent):
    def __init__(self) -> None:
        super().__init__(instructions="You refund what arrived broken.")

    async def on_enter(self) -> None:
        self.session.say("Hello, this is the refund desk. How can I help?")

    @function_tool
    async def find_order(self, order_id: str) -> str:
        """Look an order up by its number."""
        return json.dumps({"order": order_id, "amount": "42.00 USD"})


# Nothing here takes much of the machine: take calls however busy it is.
server = AgentServer(port=0, num_idle_processes=1, load_fnc=lambda: 0.0)


@server.rtc_session(agent_name="refund-desk")
async def answer(call: JobContext) -> None:
    session = AgentSession(
        stt=FakeSTT(HEARD),
        llm=FakeLLM(),
        tts=FakeTTS(),
        vad=None,
        turn_handling={"turn_detection": "stt", "endpointing": {"min_delay": 0.2}},
        use_tts_aligned_transcript=True,
    )
    await session.start(RefundDesk(), room=call.room, record=False)


if __name__ == "__main__":
    cli.run_app(server)
