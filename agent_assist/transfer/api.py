"""/core/conversations/{id}/warm-transfer: having a human put on the line."""

from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from agent_assist.transfer import asking
from agent_assist.transfer.models import Transfer
from agent_assist.transfer.serializers import TransferIn, TransferOut
from anyreach.organizations.authentication import CallerRequest
from anyreach.organizations.schema import ErrorOut
from anyreach.organizations.scopes import Scope
from conversations.models import Conversation


class WarmTransfersView(APIView):
    accepts = [Scope.CONVERSATIONS_MANAGE]

    @extend_schema(
        operation_id="create_warm_transfer",
        summary="Have a human put on the line",
        description=(
            "The caller goes on hold, the human is called and briefed, and takes the call by "
            "pressing 1. Otherwise the caller is with the agent again, who is told why. The same "
            "request, while its transfer is under way, answers that one."
        ),
        request=TransferIn,
        responses={202: TransferOut, 409: ErrorOut},
    )
    def post(self, request: CallerRequest, conversation_id: UUID) -> Response:
        visible = Conversation.objects.visible_to(request.auth)
        conversation = get_object_or_404(visible, pk=conversation_id)
        wanted = TransferIn(data=request.data)
        wanted.is_valid(raise_exception=True)
        transfer = asking.ask(conversation, data=wanted.validated_data, now=timezone.now())
        return Response(TransferOut(transfer).data, status=202)


class WarmTransferView(APIView):
    accepts_by_method = {
        "GET": [Scope.CONVERSATIONS_READ, Scope.CONVERSATIONS_MANAGE],
        "DELETE": [Scope.CONVERSATIONS_MANAGE],
    }

    @property
    def accepts(self) -> list[Scope]:
        return self.accepts_by_method.get(self.request.method or "", list(Scope))

    @extend_schema(
        operation_id="get_warm_transfer",
        summary="See how a warm transfer goes",
        responses=TransferOut,
    )
    def get(self, request: CallerRequest, conversation_id: UUID, transfer_id: UUID) -> Response:
        visible = Transfer.objects.visible_to(request.auth)
        transfer = get_object_or_404(visible, conversation=conversation_id, pk=transfer_id)
        # Where no worker runs, nobody else tells whoever asks.
        asking.ends_unbegun(transfer, now=timezone.now())
        return Response(TransferOut(transfer).data)

    @extend_schema(
        operation_id="cancel_warm_transfer",
        summary="Cancel a warm transfer",
        description="The caller is with the agent again. One that is over stays as it is.",
        responses={200: TransferOut},
    )
    def delete(self, request: CallerRequest, conversation_id: UUID, transfer_id: UUID) -> Response:
        visible = Transfer.objects.visible_to(request.auth)
        transfer = get_object_or_404(visible, conversation=conversation_id, pk=transfer_id)
        asking.cancel(transfer, now=timezone.now())
        return Response(TransferOut(transfer).data)
