"""What is said in the demo's calls. The sound of each line is made by synthesize.py."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

SOUND = Path(__file__).parent / "sound"


@dataclass(frozen=True)
class Say:
    """A sentence or two. `heard`, below 1, is the share after which the agent is cut off."""

    text: str
    pause_s: float = 0.7
    heard: float = 1.0
    ttft_ms: int = 0
    role: ClassVar[str]


@dataclass(frozen=True)
class User(Say):
    role = "user"


@dataclass(frozen=True)
class Agent(Say):
    role = "agent"


@dataclass(frozen=True)
class Human(Say):
    """Of whom the call is transferred to."""

    role = "human"


@dataclass(frozen=True)
class Tool:
    """A tool that the agent calls, which answers after `takes_s`."""

    name: str
    arguments: dict[str, Any]
    output: Any
    takes_s: float = 0.6
    is_error: bool = False


@dataclass(frozen=True)
class Script:
    """One call. Voices are flite's; `campaign` and `summary` are for the inbox."""

    name: str
    agent: str
    caller_name: str
    caller_voice: str
    agent_voice: str
    campaign: str
    summary: str
    lines: tuple[Say | Tool, ...] = field(repr=False)
    human_voice: str = ""

    def spoken(self) -> Iterator[tuple[Say, Path]]:
        """Yield each spoken line with the file of its sound."""
        said = [line for line in self.lines if isinstance(line, Say)]
        for number, line in enumerate(said, start=1):
            yield line, SOUND / f"{self.name}-{number:02}.opus"


REFUND = Script(
    name="refund",
    agent="Refund desk",
    caller_name="Mara Lindqvist",
    caller_voice="slt",
    agent_voice="rms",
    campaign="spring-returns",
    summary="The caller asked for a refund of order 4471, a kettle that arrived broken. "
    "42 dollars go back to her card within three days.",
    lines=(
        Agent("Hello, this is the refund desk. How can I help you today?", ttft_ms=310),
        User("Hello. I ordered a kettle two weeks ago, and it arrived broken."),
        Agent("I am sorry to hear that. What is your order number, please?", ttft_ms=420),
        User("It is four four seven one."),
        Tool(
            "find_order",
            {"order_id": "4471"},
            {"order": "4471", "item": "Kettle", "amount": "42.00 USD"},
        ),
        Agent(
            "Thank you. I found your order, one kettle for forty two dollars, delivered on the third. "
            "You may send it back within thirty days, or we could send you a new one, or if you prefer a voucher",
            ttft_ms=640,
            heard=0.62,
        ),
        User("Sorry, I would just like my money back, please.", pause_s=0.1),
        Agent("Of course. Shall I refund it to the card that you paid with?", ttft_ms=380),
        User("Yes, the card that ends in nineteen."),
        Tool(
            "refund_order",
            {"order_id": "4471", "to": "card"},
            {"refund": "RF-2207", "days": 3},
            takes_s=1.1,
        ),
        Agent(
            "Done. Forty two dollars will be on your card within three days. The reference is R F two two zero seven.",
            ttft_ms=560,
        ),
        User("Do I have to send the broken kettle back to you?"),
        Agent(
            "No, please keep it or recycle it. There is nothing else that you need to do.",
            ttft_ms=450,
        ),
        User("That was easy. Thank you very much."),
        Agent("You are welcome. Have a lovely day. Goodbye.", ttft_ms=290),
        User("Goodbye."),
    ),
)

DENTIST = Script(
    name="dentist",
    agent="Front desk",
    caller_name="Jonas Okafor",
    caller_voice="awb",
    agent_voice="slt",
    campaign="recall-2026",
    summary="The caller moved his check-up from Tuesday to Thursday at nine thirty. "
    "The first slot that he wished for was taken.",
    lines=(
        Agent(
            "Good morning, this is the dental practice at the harbour. What can I do for you?",
            ttft_ms=330,
        ),
        User("Good morning. I have an appointment on Tuesday, and I need to move it."),
        Agent("Certainly. May I have your name and your date of birth?", ttft_ms=350),
        User("Jonas Okafor, the ninth of May nineteen eighty four."),
        Tool(
            "find_patient",
            {"name": "Jonas Okafor", "born": "1984-05-09"},
            {"patient": "P-118", "appointment": "Tuesday 14:00"},
        ),
        Agent(
            "Thank you. You are booked for Tuesday at two, for a check up. When would suit you better?",
            ttft_ms=610,
        ),
        User("Would Wednesday in the morning be possible?"),
        Tool(
            "book_slot",
            {"patient": "P-118", "slot": "Wednesday 09:00"},
            "The slot is taken.",
            takes_s=0.9,
            is_error=True,
        ),
        Agent(
            "I am afraid that Wednesday morning is full. I could offer you Thursday at nine thirty, or Friday at eleven.",
            ttft_ms=700,
        ),
        User("Thursday at nine thirty is fine."),
        Tool(
            "book_slot",
            {"patient": "P-118", "slot": "Thursday 09:30"},
            {"booked": "Thursday 09:30"},
            takes_s=0.8,
        ),
        Agent(
            "Then I see you down for Thursday at nine thirty. You will get a message the day before, and if you need anything",
            ttft_ms=520,
            heard=0.6,
        ),
        User("One more thing. Is there somewhere to park?", pause_s=0.1),
        Agent(
            "Yes, behind the house there are six places for patients. They cost nothing.",
            ttft_ms=480,
        ),
        User("Perfect. See you on Thursday then."),
        Agent("See you on Thursday. Goodbye.", ttft_ms=300),
    ),
)

OUTAGE = Script(
    name="outage",
    agent="Network support",
    caller_name="Priya Raman",
    caller_voice="slt",
    agent_voice="awb",
    campaign="service-line",
    summary="The caller's internet has been down since the morning. An outage in her street is known, "
    "and a technician is due at five. She wants to be called back.",
    lines=(
        Agent("Welcome to network support. Please tell me what has happened.", ttft_ms=300),
        User("My internet has been down since this morning, and I work from home."),
        Agent("That is annoying, I understand. Which address is it about?", ttft_ms=410),
        User("Twelve Mill Lane."),
        Tool(
            "line_status",
            {"address": "12 Mill Lane"},
            {"line": "down", "outage": "OUT-31", "expected": "17:00"},
            takes_s=1.2,
        ),
        Agent(
            "I can see it. There is a fault in a cabinet in your street, and a technician is on the way. We expect it to be mended by five o'clock.",
            ttft_ms=760,
        ),
        User("By five? That is a whole day of work. This is the third time this month!"),
        Agent(
            "You are right, and I apologize. Three faults in a month is not what you pay for. I can credit you for the days, and as a first step I would",
            ttft_ms=540,
            heard=0.7,
        ),
        User("I do not want a credit. I want it to work.", pause_s=0.1),
        Agent(
            "I understand. I will ask that your line is checked after the repair, so that it does not happen again.",
            ttft_ms=580,
        ),
        Tool(
            "open_ticket",
            {"line": "12 Mill Lane", "reason": "third outage in a month"},
            {"ticket": "T-5520"},
        ),
        Agent(
            "That is ticket five five two zero. Shall somebody call you when the line is up again?",
            ttft_ms=430,
        ),
        User("Yes please. On this number."),
        Agent(
            "We will call you on this number this afternoon. Is there anything else?", ttft_ms=390
        ),
        User("No. Thank you for being straight with me."),
        Agent("Thank you for your patience. Goodbye.", ttft_ms=280),
    ),
)

HOTEL = Script(
    name="hotel",
    agent="Reservations",
    caller_name="Tom Becker",
    caller_voice="rms",
    agent_voice="slt",
    campaign="winter-offer",
    summary="The caller booked a double room for two nights from Friday, with breakfast, "
    "for 236 euros, and asked for a late arrival.",
    lines=(
        Agent("Good evening, reservations at the Lakeside House. How may I help?", ttft_ms=320),
        User("Good evening. Do you have a room for two people from Friday to Sunday?"),
        Tool(
            "search_rooms",
            {"from": "Friday", "nights": 2, "guests": 2},
            {"double": 108, "suite": 175},
            takes_s=0.8,
        ),
        Agent(
            "Yes, we have a double room for one hundred and eight euros a night, and a suite for one hundred and seventy five.",
            ttft_ms=620,
        ),
        User("The double room, please. Is breakfast included?"),
        Agent(
            "Breakfast is ten euros for each of you and day. It is served from seven until eleven in the winter garden, with a view of the lake, and we bake our own",
            ttft_ms=470,
            heard=0.66,
        ),
        User("Then with breakfast, but for one of us only.", pause_s=0.1),
        Agent(
            "With breakfast for one, that makes two hundred and thirty six euros for both nights. In which name shall I book?",
            ttft_ms=530,
        ),
        User("Becker. Tom Becker. And we arrive late, at about eleven at night."),
        Tool(
            "book_room",
            {"name": "Tom Becker", "room": "double", "late_arrival": "23:00"},
            {"booking": "LH-802"},
            takes_s=1.0,
        ),
        Agent(
            "That is booked, Mr Becker. The key will be in the box at the door, and the code is in the message that I have just sent you.",
            ttft_ms=680,
        ),
        User("Very good. Can we bring a dog?"),
        Agent("Small dogs are welcome, and stay for free.", ttft_ms=360),
        User("Wonderful. Thank you and good night."),
        Agent("Good night, and see you on Friday.", ttft_ms=300),
    ),
)

TRANSFER = "transfer_to_human"
# To be played on telephones: after TRANSFER a human has the call.
HANDOVER = Script(
    name="handover",
    agent="Refund desk",
    caller_name="Vera Holm",
    caller_voice="slt",
    agent_voice="rms",
    human_voice="awb",
    campaign="spring-returns",
    summary="The caller has waited two weeks for a refund of 42 dollars, and was put through to a human.",
    lines=(
        Agent("Hello, this is the refund desk. How can I help you today?", ttft_ms=310),
        User("Hello. You promised me a refund two weeks ago, and nothing has come."),
        Agent("I am sorry to hear that. What is your order number, please?", ttft_ms=420),
        User("It is four four seven one."),
        Tool(
            "find_order",
            {"order_id": "4471"},
            {"order": "4471", "item": "Kettle", "refund": "RF-2207", "state": "on hold"},
        ),
        Agent(
            "Your refund is on hold, and I may not release it. I will put you through to a colleague who can.",
            ttft_ms=640,
        ),
        Tool(
            TRANSFER,
            {
                "transfer_number": "+15550199",
                "supervisor_instructions": "Refund R F 2 2 0 7 is on hold. Please release it.",
            },
            {"status": "requested"},
        ),
        Human(
            "Hello, this is the refund team. I have just released your refund. It will be on your card tomorrow."
        ),
        User("That was quick. Thank you very much."),
        Human("You are welcome. Goodbye."),
    ),
)

SCRIPTS = (REFUND, DENTIST, OUTAGE, HOTEL)
