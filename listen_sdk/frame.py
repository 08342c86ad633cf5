"""What the frame in a customer's page asks: its page, and JSON with a listener token."""

from typing import Any

from csp.constants import SELF
from csp.decorators import csp_replace
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from conversations import listening
from conversations.models import ListenSession
from conversations.serializers import LineOut
from listen_sdk import embedding

FRAME_HEADERS = {
    # Pages that isolate themselves (COEP) can embed what says these two.
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(), camera=(), geolocation=()",
}


@require_GET
def page(request: HttpRequest) -> HttpResponseBase:
    """The frame. One that is refused says why in words, so any page may frame that one."""
    embed, refusal, status = request.GET.get("embed", ""), "", 200
    allowed: list[str] = []
    try:
        allowed = embedding.allowed_origins(embedding.organization_named(embed))
        # Absent where the page or its browser keeps it back: frame-ancestors holds all the same.
        origin = embedding.origin_of(request.headers.get("Referer", ""))
        if allowed and origin and origin not in allowed:
            raise embedding.OriginRefused(origin)
    except embedding.NotOurs as error:
        refusal, status = error.detail, 404
    except embedding.OriginRefused as error:
        allowed, refusal = [], error.detail
    ancestors = [SELF, *allowed] if allowed else None
    context = {
        "embed": embed,
        "livekit": settings.LIVEKIT_PUBLIC_URL,
        "allowed": allowed,
        "refusal": refusal,
    }

    @csp_replace({"frame-ancestors": ancestors})
    def painted(request: HttpRequest) -> HttpResponse:
        return render(request, "listen_sdk/frame.html", context, status=status)

    answer = painted(request)
    for name, value in FRAME_HEADERS.items():
        answer[name] = value
    return answer


class ListenerTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <listener token>`; request.auth becomes its ListenSession."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ListenSession]:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        session = listening.session_of_token(token) if scheme.lower() == "bearer" else None
        if session is None:
            raise AuthenticationFailed("The listener token is missing, not ours, or over.")
        return AnonymousUser(), session

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="AnyReach listener"'


class ListenerRequest(Request):
    auth: ListenSession


class FrameView(APIView):
    authentication_classes = [ListenerTokenAuthentication]
    permission_classes = []
    schema = None  # between our frame and us


class SessionIn(serializers.Serializer[Any]):
    embed = serializers.CharField(max_length=64)
    origin = serializers.CharField(max_length=255)


class SessionView(FrameView):
    def post(self, request: ListenerRequest) -> Response:
        wanted = SessionIn(data=request.data)
        wanted.is_valid(raise_exception=True)
        embedding.admit(request.auth, **wanted.validated_data, now=timezone.now())
        return Response(status=204)

    def get(self, request: ListenerRequest) -> Response:
        return Response({"ended_how": request.auth.ended_how})


class SoundIn(serializers.Serializer[Any]):
    audible = serializers.BooleanField()


class SoundView(FrameView):
    def post(self, request: ListenerRequest) -> Response:
        wanted = SoundIn(data=request.data)
        wanted.is_valid(raise_exception=True)
        listening.sounded(request.auth, **wanted.validated_data, at=timezone.now())
        return Response(status=204)


class LinesView(FrameView):
    """What was said so far: live text meets it by its segment."""

    def get(self, request: ListenerRequest) -> Response:
        embedding.check_may_read(request.auth, timezone.now())
        turns = request.auth.conversation.turns.all()
        return Response({"lines": LineOut(turns, many=True).data})
