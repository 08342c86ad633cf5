"""Ears, wits and a voice that need no cloud and no key: put your own providers in their place."""

# livekit-agents is only in the example's own venv, so its types are not known to checks.
# mypy: allow-subclassing-any

import asyncio
import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import llm, stt, tts, utils
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions
from livekit.agents.voice.io import TimedString

LOUD = 500
SILENT_S = 0.6
WORD_S = 0.25
RATE = 24_000


class FakeSTT(stt.STT):
    """Hears the next of `lines` in each piece of sound, a word every quarter of a second."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True))
        self.lines = iter(lines)

    def stream(
        self,
        *,
        language: Any = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> stt.RecognizeStream:
        return FakeRecognition(stt=self, conn_options=conn_options)

    async def _recognize_impl(self, *args: Any, **options: Any) -> stt.SpeechEvent:
        raise NotImplementedError("It hears streams only.")


class FakeRecognition(stt.RecognizeStream):
    async def _run(self) -> None:
        words: list[str] = []
        told, loud_s, silent_s = 0, 0.0, 0.0
        async for frame in self._input_ch:
            if not isinstance(frame, rtc.AudioFrame):
                continue
            is_loud = np.abs(np.frombuffer(frame.data, np.int16).astype(int)).max() > LOUD
            silent_s = 0.0 if is_loud else silent_s + frame.duration
            if is_loud and not words:
                words, told, loud_s = next(self._stt.lines, "Hello?").split(), 0, 0.0
                self._tell(stt.SpeechEventType.START_OF_SPEECH)
            if words and is_loud:
                loud_s += frame.duration
                count = min(len(words), 1 + int(loud_s / WORD_S))
                if count > told:
                    told = count
                    self._tell(stt.SpeechEventType.INTERIM_TRANSCRIPT, words[:count])
            if words and silent_s > SILENT_S:
                self._tell(stt.SpeechEventType.FINAL_TRANSCRIPT, words)
                self._tell(stt.SpeechEventType.END_OF_SPEECH)
                words = []

    def _tell(self, kind: stt.SpeechEventType, words: Sequence[str] = ()) -> None:
        heard = stt.SpeechData(language="en", text=" ".join(words), confidence=0.9)
        self._event_ch.send_nowait(stt.SpeechEvent(kind, alternatives=[heard] if words else []))


class FakeLLM(llm.LLM):
    """Looks an order up when it hears a number, fetches a human, and answers by a few rules."""

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        **options: Any,
    ) -> llm.LLMStream:
        return FakeAnswer(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class FakeAnswer(llm.LLMStream):
    async def _run(self) -> None:
        await asyncio.sleep(0.2)
        delta = self._delta()
        self._event_ch.send_nowait(llm.ChatChunk(id=utils.shortuuid(), delta=delta))

    def _delta(self) -> llm.ChoiceDelta:
        newest = self._chat_ctx.items[-1]
        if newest.type == "function_call_output":
            if newest.is_error:
                return self._says(f"I am sorry. {newest.output}")
            return self._says("I found your order. It was forty two dollars. Is it broken?")
        heard = (newest.text_content or "") if newest.type == "message" else ""
        if number := re.search(r"\d{4}", heard):
            return self._calls("find_order", order_id=number[0])
        if "human" in heard:
            return self._calls("transfer_to_human", reason="The lid of order 4471 is broken.")
        if "goodbye" in heard:
            return self._says("Goodbye.")
        if "Wait" in heard:
            return self._says("Of course, what is it?")
        return self._says(
            "I am sorry to hear that. I will now go through your order with you, from the first "
            "line to the last, and after that we will see together what can be done about it."
        )

    def _calls(self, tool: str, **arguments: str) -> llm.ChoiceDelta:
        call = llm.FunctionToolCall(
            name=tool, arguments=json.dumps(arguments), call_id=utils.shortuuid("call_")
        )
        return llm.ChoiceDelta(role="assistant", tool_calls=[call])

    def _says(self, text: str) -> llm.ChoiceDelta:
        return llm.ChoiceDelta(role="assistant", content=text)


class FakeTTS(tts.TTS):
    """Says each word as a tone, and when."""

    def __init__(self) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=True, aligned_transcript=True),
            sample_rate=RATE,
            num_channels=1,
        )

    def stream(
        self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.SynthesizeStream:
        return FakeSpeech(tts=self, conn_options=conn_options)

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return self._synthesize_with_stream(text, conn_options=conn_options)


class FakeSpeech(tts.SynthesizeStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id=utils.shortuuid(),
            sample_rate=RATE,
            num_channels=1,
            mime_type="audio/pcm",
            stream=True,
        )
        output_emitter.start_segment(segment_id=utils.shortuuid())
        text = "".join([part async for part in self._input_ch if isinstance(part, str)])
        self._mark_started()
        for number, word in enumerate(text.split()):
            began = number * WORD_S
            output_emitter.push_timed_transcript(
                TimedString(f"{word} ", start_time=began, end_time=began + WORD_S)
            )
            output_emitter.push(tone())
        output_emitter.end_segment()


def tone(hertz: int = 330) -> bytes:
    at = np.arange(int(RATE * WORD_S)) / RATE
    return bytes((np.sin(2 * np.pi * hertz * at) * 6000).astype(np.int16).tobytes())
