"""A voice agent on livekit-agents whose calls come into AnyReach: python agent.py start

LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET are your LiveKit's; without them it serves
`make demo`. Of AnyReach it knows only how to ask for a human: TRANSFER_NUMBER is theirs, and
core.py says where it asks.
"""

# livekit-agents is only in the example's own venv, so its types are not known to checks.
# mypy: allow-subclassing-any, allow-untyped-decorators

import asyncio
import json
import os
from pathlib import Path

import transfer
from core import Refused
from fakes import FakeLLM, FakeSTT, FakeTTS
from livekit import rtc
from livekit.agents import (
    Agent,
    AgentServer,
    AgentSession,
    JobContext,
    ToolError,
    cli,
    function_tool,
    get_job_context,
)

TRANSFER_NUMBER = os.environ.get("TRANSFER_NUMBER", "+4930555010")
HEARD = [
    "Hello, I would like a refund for order 4471.",
    "Yes, the lid is broken.",
    "Wait, one more thing.",
    "May I speak to a human, please?",
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

    @function_tool
    async def transfer_to_human(self, reason: str) -> None:
        """Have a human take this call over, when the caller asks for one.

        Args:
            reason: Why they are called and what they should do, in a sentence or two.
        """
        await self.session.say("One moment, please.")
        conversation_id = get_job_context().room.name.removeprefix("conv-")
        try:
            await asyncio.to_thread(transfer.begin, conversation_id, TRANSFER_NUMBER, reason)
        except Refused as error:
            raise ToolError(str(error)) from error
        # The caller hears music now, and nothing that is said here until on_transfer.

    async def on_transfer(self, call: rtc.RpcInvocationData) -> str:
        """The caller is back, since no human took the call."""
        outcome = json.loads(call.payload)
        self.session.say(f"I am sorry. {outcome['reason']} What else can I do?")
        return "told"


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
    agent = RefundDesk()
    await call.connect()
    call.room.local_participant.register_rpc_method("anyreach.transfer", agent.on_transfer)
    await session.start(agent, room=call.room, record=False)


if __name__ == "__main__":
    cli.run_app(server)
