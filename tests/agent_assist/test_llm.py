"""The language model's door: what comes through it, and what goes wrong in a sentence of ours."""

import asyncio

import pytest

from anyreach.gateways import llm
from anyreach.gateways.llm import ModelFailed, Why
from tests.agent_assist.model_server import Reply
from tests.environment import free_port

MESSAGES = [{"role": "user", "content": "What did the caller say?"}]
SCHEMA = {"type": "object", "properties": {}, "additionalProperties": False}


def ask() -> str:
    async def asking() -> str:
        text = ""
        async with llm.asked(MESSAGES, schema=SCHEMA) as answer:
            async for piece in answer:
                text += piece
                answer.section_came()
        return text

    return asyncio.run(asking())


def why() -> Why:
    with pytest.raises(ModelFailed) as failed:
        ask()
    assert failed.value.__cause__ is None
    return failed.value.why


def test_what_the_model_says_comes_through(model, settings):
    settings.LLM_API_KEY = "secret"
    model.queue('{"a": "Grüße, 日本"}')
    assert ask() == '{"a": "Grüße, 日本"}'
    assert model.asked[0]["messages"] == MESSAGES
    assert model.asked[0]["response_format"]["json_schema"]["schema"] == SCHEMA
    assert model.asked[0]["max_completion_tokens"] == settings.LLM_MAX_TOKENS
    assert model.keys == ["Bearer secret"]


def test_a_local_model_needs_no_key_and_gets_no_other_endpoints(model, settings, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "of another endpoint")
    settings.LLM_API_KEY = ""
    model.queue("{}")
    ask()
    assert "another" not in model.keys[0]


@pytest.mark.parametrize(
    ("refuses", "asked_how"),
    [
        ({"max_completion_tokens"}, ("json_schema", "max_tokens")),
        ({"max_completion_tokens", "json_schema"}, ("json_object", "max_tokens")),
        ({"max_completion_tokens", "json_schema", "json_object"}, (None, "max_tokens")),
    ],
)
def test_what_an_endpoint_does_not_know_is_left_out_from_then_on(model, refuses, asked_how):
    model.refuses = refuses
    model.queue("{}", "{}")
    assert [ask(), ask()] == ["{}", "{}"]
    last = model.asked[-1]
    assert last.get("response_format", {}).get("type") == asked_how[0]
    assert asked_how[1] in last
    assert len(model.asked) == len(refuses) + 2


def test_an_endpoint_that_refuses_everything_is_asked_as_at_first_the_next_time(model):
    model.refuses = {"messages"}
    assert why() is Why.REJECTED
    model.refuses = set()
    model.queue("{}")
    ask()
    assert model.asked[-1]["response_format"]["type"] == "json_schema"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply("the words of the provider", 401, "application/json"), Why.KEY),
        (Reply("{}", 403, "application/json"), Why.KEY),
        (Reply("{}", 404, "application/json"), Why.NO_MODEL),
        (Reply("{}", 413, "application/json"), Why.REJECTED),
        (Reply("<html>Welcome</html>", 200, "text/html"), Why.NO_ENDPOINT),
        (Reply("http://127.0.0.1:1/elsewhere", 307, "text/plain"), Why.NO_ENDPOINT),
        (Reply("{}", 200, "application/json"), Why.UNREADABLE),
        (Reply("data: nonsense\n\n", 200, "text/plain"), Why.UNREADABLE),
        (Reply('data: {"choices": [{}]}\n\n', 200, "text/plain"), Why.UNREADABLE),
        (Reply(""), Why.UNREADABLE),
        (Reply("", refusal="I cannot help with that."), Why.REFUSED),
        (Reply("", finish_reason="content_filter"), Why.REFUSED),
        (Reply("x" * 200, cut_at=100), Why.CUT_OFF),
    ],
)
def test_a_failure_has_its_sentence_and_is_not_tried_again(model, reply, expected):
    model.queue(reply, "{}")
    assert why() is expected
    assert len(model.asked) == 1


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply("{}", 429, "application/json"), Why.BUSY),
        (Reply("{}", 500, "application/json"), Why.BROKEN),
        (Reply("x" * 200, cut_at=0), Why.UNREACHABLE),
    ],
)
def test_what_may_pass_is_tried_once_more_while_nothing_has_come(model, reply, expected):
    model.queue(reply, "{}")
    assert ask() == "{}"
    model.queue(reply, reply, "{}")
    assert why() is expected
    assert len(model.asked) == 4


def test_nobody_there(model, settings):
    settings.LLM_BASE_URL = f"http://127.0.0.1:{free_port()}/v1"
    assert why() is Why.UNREACHABLE


def test_a_model_that_says_nothing_in_time(model, settings):
    settings.LLM_FIRST_SECTION_TIMEOUT_S = 1
    model.queue(Reply("{}", begins_after_s=3))
    assert why() is Why.SLOW


def test_a_model_that_never_comes_to_an_end(model, settings):
    settings.LLM_TIMEOUT_S = 1
    model.queue(Reply("word " * 100, tokens_per_s=20))
    assert why() is Why.SLOW


def test_a_server_that_knows_no_limit_is_cut_off(model, settings):
    settings.LLM_MAX_TOKENS = 100
    model.queue("word " * 10_000)
    assert why() is Why.CUT_OFF
