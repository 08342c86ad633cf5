"""/admin/…: an organization's keys, members and invitations, for programs."""

from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from anyreach.organizations import api_keys, invitations, members
from anyreach.organizations.authentication import CallerRequest
from anyreach.organizations.models import ApiKey, Invitation, Membership
from anyreach.organizations.schema import ErrorOut
from anyreach.organizations.scopes import Scope
from anyreach.organizations.serializers import (
    ApiKeyIn,
    ApiKeyOut,
    InvitationIn,
    InvitationOut,
    MemberIn,
    MemberOut,
    NewApiKeyOut,
    NewInvitationOut,
)


class ApiKeysView(APIView):
    accepts = [Scope.ORGANIZATIONS_MANAGE]

    @extend_schema(
        operation_id="list_api_keys",
        summary="List the organization's API keys",
        responses=ApiKeyOut(many=True),
    )
    def get(self, request: CallerRequest) -> Response:
        keys = ApiKey.objects.visible_to(request.auth)
        return Response(ApiKeyOut(keys, many=True).data)

    @extend_schema(
        operation_id="create_api_key",
        summary="Make an API key",
        request=ApiKeyIn,
        responses={status.HTTP_201_CREATED: NewApiKeyOut},
    )
    def post(self, request: CallerRequest) -> Response:
        wanted = ApiKeyIn(data=request.data)
        wanted.is_valid(raise_exception=True)
        api_key, credential = api_keys.make_api_key(caller=request.auth, **wanted.validated_data)
        return Response(
            {**ApiKeyOut(api_key).data, "pat_key": credential}, status=status.HTTP_201_CREATED
        )


class ApiKeyView(APIView):
    accepts = [Scope.ORGANIZATIONS_MANAGE]

    @extend_schema(
        operation_id="delete_api_key",
        summary="Delete an API key",
        responses={status.HTTP_204_NO_CONTENT: None},
    )
    def delete(self, request: CallerRequest, key_id: UUID) -> Response:
        api_key = get_object_or_404(ApiKey.objects.visible_to(request.auth), pk=key_id)
        api_keys.delete_api_key(api_key)
        return Response(status=status.HTTP_204_NO_CONTENT)


class MyScopesView(APIView):
    accepts = list(Scope)

    @extend_schema(
        operation_id="list_my_scopes",
        summary="List the caller's scopes in the current organization",
        responses=serializers.ListSerializer(child=serializers.ChoiceField(list(Scope))),
    )
    def get(self, request: CallerRequest) -> Response:
        return Response(sorted(request.auth.scopes))


class MembersView(APIView):
    accepts = [Scope.MEMBERS_READ]

    @extend_schema(
        operation_id="list_members",
        summary="List the organization's members",
        responses=MemberOut(many=True),
    )
    def get(self, request: CallerRequest) -> Response:
        visible = Membership.objects.visible_to(request.auth).select_related("user")
        return Response(MemberOut(visible.order_by("user__email"), many=True).data)


class MemberView(APIView):
    accepts = [Scope.MEMBERS_MANAGE]

    @extend_schema(
        operation_id="change_member_role",
        summary="Change a member's role",
        request=MemberIn,
        responses={status.HTTP_200_OK: MemberOut, status.HTTP_409_CONFLICT: ErrorOut},
    )
    def patch(self, request: CallerRequest, member_id: UUID) -> Response:
        membership = get_object_or_404(Membership.objects.visible_to(request.auth), pk=member_id)
        wanted = MemberIn(data=request.data)
        wanted.is_valid(raise_exception=True)
        members.change_role(membership, wanted.validated_data["role"], caller=request.auth)
        return Response(MemberOut(membership).data)

    @extend_schema(
        operation_id="remove_member",
        summary="Remove a member",
        responses={status.HTTP_204_NO_CONTENT: None, status.HTTP_409_CONFLICT: ErrorOut},
    )
    def delete(self, request: CallerRequest, member_id: UUID) -> Response:
        membership = get_object_or_404(Membership.objects.visible_to(request.auth), pk=member_id)
        members.remove(membership)
        return Response(status=status.HTTP_204_NO_CONTENT)


class InvitationsView(APIView):
    accepts = [Scope.MEMBERS_MANAGE]

    @extend_schema(
        operation_id="list_invitations",
        summary="List the invitations that are open",
        responses=InvitationOut(many=True),
    )
    def get(self, request: CallerRequest) -> Response:
        waiting = Invitation.objects.visible_to(request.auth).open(timezone.now())
        return Response(InvitationOut(waiting, many=True).data)

    @extend_schema(
        operation_id="create_invitation",
        summary="Invite somebody; a second invitation replaces the first",
        request=InvitationIn,
        responses={status.HTTP_201_CREATED: NewInvitationOut},
    )
    def post(self, request: CallerRequest) -> Response:
        wanted = InvitationIn(data=request.data)
        wanted.is_valid(raise_exception=True)
        invitation, link = invitations.invite(
            caller=request.auth, now=timezone.now(), **wanted.validated_data
        )
        return Response(
            {**InvitationOut(invitation).data, "link": link}, status=status.HTTP_201_CREATED
        )


class InvitationView(APIView):
    accepts = [Scope.MEMBERS_MANAGE]

    @extend_schema(
        operation_id="delete_invitation",
        summary="Withdraw an invitation",
        responses={status.HTTP_204_NO_CONTENT: None},
    )
    def delete(self, request: CallerRequest, invitation_id: UUID) -> Response:
        get_object_or_404(Invitation.objects.visible_to(request.auth), pk=invitation_id).delete()
        return Response(status=status.HTTP_204_NO_CONTENT)
