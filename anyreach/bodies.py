"""What goes in and out as a body: JSON of a bounded size, with known fields only."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.utils.html import is_html_input

from anyreach.errors import TooLarge

# What is read here is written again, to the database and in answers, by encoders that recurse.
MAX_DEPTH = 100


JSON_TYPES: dict[type[serializers.Field[Any, Any, Any, Any]], tuple[tuple[type, ...], str]] = {
    serializers.CharField: ((str,), "This must be a string."),
    serializers.UUIDField: ((str,), "This must be a string."),
    serializers.IntegerField: ((int,), "This must be a whole number."),
    serializers.FloatField: ((int, float), "This must be a number."),
    serializers.BooleanField: ((bool,), "This must be true or false."),
}


class OnlyJSON(BaseContentNegotiation):
    """Whatever a request says that it sends or accepts, JSON is read and JSON is answered."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser:
        return next(iter(parsers))

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class JSONBody(BaseParser):
    """Read any body as UTF-8 JSON. Nothing at all is {}.

    Raises ParseError (400) and TooLarge (413).
    """

    media_type = "*/*"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = stream.read(settings.API_BODY_MAX_BYTES + 1)
        if len(body) > settings.API_BODY_MAX_BYTES:
            raise TooLarge
        try:
            return read_json(body.decode()) if body.strip() else {}
        except ValueError as error:
            raise ParseError("The body is not valid JSON.") from error


def read_json(text: str) -> Any:
    """Return what `text` says as JSON. Raises ValueError for what PostgreSQL could not keep too:
    NUL and half characters, NaN and infinite numbers. So it does beyond MAX_DEPTH levels."""
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    _check(value)
    return value


def _check(value: Any, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    match value:
        case str():
            if "\0" in value:
                raise ValueError("NUL character")
            value.encode()  # UnicodeEncodeError, a ValueError, for half a surrogate pair
        case float():
            if not math.isfinite(value):
                raise ValueError("not a finite number")
        case dict():
            for key, inner in value.items():
                _check(key)
                _check(inner, depth + 1)
        case list():
            for inner in value:
                _check(inner, depth + 1)


class StrictSerializer(serializers.Serializer[Any]):
    """A body or query whose unknown fields are refused (422) instead of silently dropped, and in
    a body a value of another JSON type instead of silently turned into the field's."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            is_body = not is_html_input(data)
            wrong = {
                name: [message]
                for name, value in data.items()
                if (message := self._wrong(name, value if is_body else None))
            }
            if wrong:
                raise serializers.ValidationError(wrong)
        return super().to_internal_value(data)

    def _wrong(self, name: str, value: Any) -> str | None:
        field = self.fields.get(name)
        if field is None:
            return "There is no field of this name."
        for kind, (types, message) in JSON_TYPES.items():
            if isinstance(field, kind) and value is not None and type(value) not in types:
                return message
        return None


class StrictQuery(StrictSerializer):
    """An address's parameters: none twice or empty where one value is meant."""

    def to_internal_value(self, data: Any) -> Any:
        # DRF reads the last of several, and an empty one as none: not what was asked for.
        wrong = {
            name: ["This must be given once, and not empty."]
            for name, values in data.lists()
            if not isinstance(self.fields.get(name), serializers.ListField)
            and (len(values) > 1 or values == [""])
        }
        if wrong:
            raise serializers.ValidationError(wrong)
        return super().to_internal_value(data)


class NothingIn(StrictSerializer):
    """A body that says nothing: none, or an object without fields."""
