"""/core/conversations: what programs and our own pages read, make, import, end and hear."""

from collections.abc import Iterable
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Prefetch
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.response import Response
from rest_framework.views import APIView

from anyreach.bodies import NothingIn
from anyreach.organizations.authentication import CallerRequest
from anyreach.organizations.caller import Caller
from anyreach.organizations.schema import ErrorOut
from anyreach.organizations.scopes import Scope
from conversations import calls, importing, listening, paging, revoking
from conversations.import_body import MAX_CONVERSATIONS, ImportBody, Numbered
from conversations.import_serializers import FinishedConversationIn, ImportOut
from conversations.listeners import listeners_of
from conversations.models import Channel, Conversation, ListenSession, RecordedSpan
from conversations.phones import calling
from conversations.serializers import (
    ConversationIn,
    ConversationOut,
    ConversationQuery,
    CreatedOut,
    DialledOut,
    ListenerOut,
    ListenerTokenIn,
    ListenerTokenOut,
)


def shown(conversation: Conversation, caller: Caller) -> dict[str, Any]:
    return ConversationOut(conversation, context={"caller": caller}).data


class ConversationsView(APIView):
    accepts_by_method = {
        "GET": [Scope.CONVERSATIONS_READ, Scope.CONVERSATIONS_MANAGE],
        "POST": [Scope.CONVERSATIONS_MANAGE],
    }

    @property
    def accepts(self) -> list[Scope]:
        return self.accepts_by_method.get(self.request.method or "", list(Scope))

    @extend_schema(
        operation_id="list_conversations",
        summary="List conversations, newest first",
        parameters=[
            ConversationQuery,
            OpenApiParameter("X-Next-Cursor", str, "header", response=[200]),
            OpenApiParameter("Link", str, "header", response=[200]),
        ],
        responses={200: ConversationOut(many=True), 422: ErrorOut},
    )
    def get(self, request: CallerRequest) -> Response:
        caller: Caller = request.auth
        query = ConversationQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        sensitive = caller.can(Scope.CONVERSATIONS_READ_SENSITIVE)
        if "custom_metadata" in query.validated_data and not sensitive:
            raise PermissionDenied("custom_metadata needs conversations:read_sensitive.")
        visible = Conversation.objects.visible_to(caller).select_related("agent")
        if sensitive:
            spans = RecordedSpan.objects.select_related("process")
            visible = visible.prefetch_related("turns", Prefetch("recorded_spans", spans))
        rows, following = paging.page_of(
            visible.filter(**query.conditions()),
            cursor=query.validated_data.get("cursor"),
            limit=query.validated_data["limit"],
        )
        headers = {}
        if following:
            others = [(k, v) for k, vs in request.query_params.lists() for v in vs if k != "cursor"]
            address = request.build_absolute_uri(request.path)
            link = f"{address}?{urlencode([*others, ('cursor', str(following))])}"
            headers = {"X-Next-Cursor": str(following), "Link": f'<{link}>; rel="next"'}
        page = ConversationOut(rows, many=True, context={"caller": caller})
        return Response(page.data, headers=headers)

    @extend_schema(
        operation_id="create_conversation",
        summary="Make a web call that a visitor can join, or call a telephone",
        description=(
            "`webrtc` answers 200 with what the visitor's page joins by. `telephone` answers 202: "
            "`user_id` (E.164) is dialled over the organization's outbound trunk, once for an "
            "`id`, and `status` and `end_reason` tell how that goes."
        ),
        request=ConversationIn,
        responses={200: CreatedOut, 202: DialledOut, 409: ErrorOut},
    )
    def post(self, request: CallerRequest) -> Response:
        wanted = ConversationIn(data=request.data, context={"caller": request.auth})
        wanted.is_valid(raise_exception=True)
        organization, data, now = request.auth.organization, wanted.validated_data, timezone.now()
        if data["channel"] == Channel.TELEPHONE:
            called = {"conversation": calling.call(organization, data=data, now=now)}
            return Response(DialledOut(called, context={"caller": request.auth}).data, status=202)
        conversation, join = calls.create(organization, data=data, now=now)
        agent = conversation.agent
        made = {
            "conversation": conversation,
            "starting_message": agent.starting_message if agent else "",
            "join": join,
        }
        answer = CreatedOut(made, context={"caller": request.auth})
        return Response(answer.data)


class ImportView(APIView):
    accepts = [Scope.CONVERSATIONS_MANAGE]
    parser_classes = [ImportBody]

    @extend_schema(
        operation_id="import_conversations",
        summary="Import finished conversations",
        description=(
            f"Up to {MAX_CONVERSATIONS:,} a request, as lines (NDJSON) or as a JSON array. Each is "
            "kept or refused by itself; sent again, it changes nothing, so that a request without "
            "an answer can be repeated. One `id` with other content is refused."
        ),
        request={
            "application/x-ndjson": FinishedConversationIn,
            "application/json": FinishedConversationIn(many=True),
        },
        responses={200: ImportOut, 413: ErrorOut},
    )
    def post(self, request: CallerRequest) -> Response:
        lines = cast(Iterable[Numbered], request.data)
        imported = importing.import_conversations(
            request.auth.organization, lines, now=timezone.now()
        )
        return Response(ImportOut(imported).data)


class ConversationView(APIView):
    accepts = [Scope.CONVERSATIONS_READ, Scope.CONVERSATIONS_MANAGE]

    @extend_schema(
        operation_id="get_conversation",
        summary="Read one conversation",
        responses=ConversationOut,
    )
    def get(self, request: CallerRequest, conversation_id: UUID) -> Response:
        visible = Conversation.objects.visible_to(request.auth).select_related("agent")
        conversation = get_object_or_404(visible, pk=conversation_id)
        return Response(shown(conversation, request.auth))


class EndView(APIView):
    accepts = [Scope.CONVERSATIONS_MANAGE]

    @extend_schema(
        operation_id="end_conversation",
        summary="End an active conversation",
        request=NothingIn,
        responses={200: ConversationOut},
    )
    def post(self, request: CallerRequest, conversation_id: UUID) -> Response:
        visible = Conversation.objects.visible_to(request.auth).select_related("agent")
        conversation = get_object_or_404(visible, pk=conversation_id)
        NothingIn(data=request.data).is_valid(raise_exception=True)
        calls.end(conversation, now=timezone.now())
        return Response(shown(conversation, request.auth))


class ListenerTokenView(APIView):
    """A refusal is written down too: who wanted to listen, to what, and why not."""

    accepts = list(listening.HEARERS)

    def handle_exception(self, error: Exception) -> Response:
        answer: Response = super().handle_exception(error)
        request = cast(CallerRequest, self.request)
        if isinstance(request.auth, Caller):
            listening.refused(
                self.kwargs["conversation_id"],
                caller=request.auth,
                asked_from=asked_from(request),
                why=answer.data["detail"],
                now=timezone.now(),
            )
        return answer

    @extend_schema(
        operation_id="create_listener_token",
        summary="Get a token to hear an active conversation, unseen",
        request=ListenerTokenIn,
        responses={200: ListenerTokenOut, 409: ErrorOut},
    )
    def post(self, request: CallerRequest, conversation_id: UUID) -> Response:
        visible = Conversation.objects.visible_to(request.auth)
        conversation = get_object_or_404(visible, pk=conversation_id)
        wanted = ListenerTokenIn(data=request.data)
        wanted.is_valid(raise_exception=True)
        grant = listening.grant(
            conversation,
            caller=request.auth,
            asked_from=asked_from(request),
            renews=wanted.validated_data.get("renews"),
            now=timezone.now(),
        )
        return Response(ListenerTokenOut(grant).data)


def asked_from(request: CallerRequest) -> listening.AskedFrom:
    source = ListenSession.Source
    by_program = request.auth.api_key or request.auth.token
    return listening.AskedFrom(
        source=source.API if by_program else source.DASHBOARD,
        origin=request.headers.get("Origin", "")[:255],
        ip=request.META.get("REMOTE_ADDR") or None,
        user_agent=request.headers.get("User-Agent", "")[:512],
    )


class ListenersView(APIView):
    accepts = [Scope.ORGANIZATIONS_MANAGE]

    @extend_schema(
        operation_id="list_listeners",
        summary="List who has heard a conversation, or may hear it now",
        responses=ListenerOut(many=True),
    )
    def get(self, request: CallerRequest, conversation_id: UUID) -> Response:
        visible = Conversation.objects.visible_to(request.auth)
        conversation = get_object_or_404(visible, pk=conversation_id)
        heard = listeners_of(conversation, now=timezone.now())
        return Response(ListenerOut(heard, many=True).data)

    @extend_schema(
        operation_id="revoke_listeners",
        summary="Close the ears of all who listen to a conversation, for good",
        responses={204: None},
    )
    def delete(self, request: CallerRequest, conversation_id: UUID) -> Response:
        visible = Conversation.objects.visible_to(request.auth)
        conversation = get_object_or_404(visible, pk=conversation_id)
        now = timezone.now()
        listening_now = conversation.listen_sessions.may_hear(now)
        revoking.revoke(listening_now, by=request.auth.name, now=now)
        return Response(status=204)


class ListenerView(APIView):
    accepts = [Scope.ORGANIZATIONS_MANAGE]

    @extend_schema(
        operation_id="revoke_listener",
        summary="Close a listener's ear for good",
        responses={204: None},
    )
    def delete(self, request: CallerRequest, conversation_id: UUID, session_id: UUID) -> Response:
        visible = ListenSession.objects.visible_to(request.auth)
        session = get_object_or_404(visible, conversation=conversation_id, pk=session_id)
        revoking.revoke([session], by=request.auth.name, now=timezone.now())
        return Response(status=204)
