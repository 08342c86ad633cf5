"""/core/agents and /core/phone-numbers: to whom a call belongs that comes in."""

from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response
from rest_framework.views import APIView

from anyreach.organizations.authentication import CallerRequest
from anyreach.organizations.schema import ErrorOut
from anyreach.organizations.scopes import Scope
from conversations import agents
from conversations.agent_serializers import (
    AgentChangeIn,
    AgentDetailOut,
    AgentIn,
    PhoneNumberChangeIn,
    PhoneNumberIn,
    PhoneNumberOut,
)
from conversations.models import Agent, PhoneNumber


class AgentsApi(APIView):
    """agents:read reads, agents:manage does everything."""

    @property
    def accepts(self) -> list[Scope]:
        changes = self.request.method in {"POST", "PATCH", "DELETE"}
        return [Scope.AGENTS_MANAGE] if changes else [Scope.AGENTS_READ, Scope.AGENTS_MANAGE]


class AgentsView(AgentsApi):
    @extend_schema(
        operation_id="list_agents",
        summary="List the organization's agents by name",
        responses=AgentDetailOut(many=True),
    )
    def get(self, request: CallerRequest) -> Response:
        visible = Agent.objects.visible_to(request.auth)
        return Response(AgentDetailOut(visible, many=True).data)

    @extend_schema(
        operation_id="create_agent",
        summary="Add an agent",
        request=AgentIn,
        responses={status.HTTP_201_CREATED: AgentDetailOut, status.HTTP_409_CONFLICT: ErrorOut},
    )
    def post(self, request: CallerRequest) -> Response:
        wanted = AgentIn(data=request.data)
        wanted.is_valid(raise_exception=True)
        agent = agents.add_agent(request.auth.organization, data=wanted.validated_data)
        return Response(AgentDetailOut(agent).data, status=status.HTTP_201_CREATED)


class AgentView(AgentsApi):
    @extend_schema(
        operation_id="get_agent",
        summary="Read one agent",
        responses=AgentDetailOut,
    )
    def get(self, request: CallerRequest, agent_id: UUID) -> Response:
        agent = get_object_or_404(Agent.objects.visible_to(request.auth), pk=agent_id)
        return Response(AgentDetailOut(agent).data)

    @extend_schema(
        operation_id="change_agent",
        summary="Change an agent",
        description="What the body leaves out stays.",
        request=AgentChangeIn,
        responses={status.HTTP_200_OK: AgentDetailOut, status.HTTP_409_CONFLICT: ErrorOut},
    )
    def patch(self, request: CallerRequest, agent_id: UUID) -> Response:
        agent = get_object_or_404(Agent.objects.visible_to(request.auth), pk=agent_id)
        wanted = AgentChangeIn(data=request.data)
        wanted.is_valid(raise_exception=True)
        agents.change_agent(agent, data=wanted.validated_data)
        return Response(AgentDetailOut(agent).data)

    @extend_schema(
        operation_id="delete_agent",
        summary="Delete an agent",
        description="Its conversations and phone numbers stay, with no agent.",
        responses={status.HTTP_204_NO_CONTENT: None},
    )
    def delete(self, request: CallerRequest, agent_id: UUID) -> Response:
        get_object_or_404(Agent.objects.visible_to(request.auth), pk=agent_id).delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


class PhoneNumbersView(AgentsApi):
    @extend_schema(
        operation_id="list_phone_numbers",
        summary="List the organization's phone numbers",
        responses=PhoneNumberOut(many=True),
    )
    def get(self, request: CallerRequest) -> Response:
        visible = PhoneNumber.objects.visible_to(request.auth).select_related("agent")
        return Response(PhoneNumberOut(visible, many=True).data)

    @extend_schema(
        operation_id="create_phone_number",
        summary="Add a phone number",
        description="From then on, calls to it belong to this organization.",
        request=PhoneNumberIn,
        responses={status.HTTP_201_CREATED: PhoneNumberOut, status.HTTP_409_CONFLICT: ErrorOut},
    )
    def post(self, request: CallerRequest) -> Response:
        wanted = PhoneNumberIn(data=request.data, context={"caller": request.auth})
        wanted.is_valid(raise_exception=True)
        number = agents.add_phone_number(request.auth.organization, data=wanted.validated_data)
        return Response(PhoneNumberOut(number).data, status=status.HTTP_201_CREATED)


class PhoneNumberView(AgentsApi):
    @extend_schema(
        operation_id="get_phone_number",
        summary="Read one phone number",
        responses=PhoneNumberOut,
    )
    def get(self, request: CallerRequest, phone_number_id: UUID) -> Response:
        visible = PhoneNumber.objects.visible_to(request.auth).select_related("agent")
        number = get_object_or_404(visible, pk=phone_number_id)
        return Response(PhoneNumberOut(number).data)

    @extend_schema(
        operation_id="change_phone_number",
        summary="Change a phone number or who answers it",
        description="What the body leaves out stays.",
        request=PhoneNumberChangeIn,
        responses={status.HTTP_200_OK: PhoneNumberOut, status.HTTP_409_CONFLICT: ErrorOut},
    )
    def patch(self, request: CallerRequest, phone_number_id: UUID) -> Response:
        visible = PhoneNumber.objects.visible_to(request.auth).select_related("agent")
        number = get_object_or_404(visible, pk=phone_number_id)
        wanted = PhoneNumberChangeIn(data=request.data, context={"caller": request.auth})
        wanted.is_valid(raise_exception=True)
        agents.change_phone_number(number, data=wanted.validated_data)
        return Response(PhoneNumberOut(number).data)

    @extend_schema(
        operation_id="delete_phone_number",
        summary="Remove a phone number",
        description="Calls to it no longer belong to this organization by it.",
        responses={status.HTTP_204_NO_CONTENT: None},
    )
    def delete(self, request: CallerRequest, phone_number_id: UUID) -> Response:
        visible = PhoneNumber.objects.visible_to(request.auth)
        get_object_or_404(visible, pk=phone_number_id).delete()
        return Response(status=status.HTTP_204_NO_CONTENT)
