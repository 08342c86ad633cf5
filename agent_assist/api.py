"""/core/agent-assist: what a human who takes over needs to know."""

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from agent_assist import finding, writing
from agent_assist.models import Brief
from agent_assist.portal import portal_of, turns_of
from agent_assist.serializers import AgentAssistPortalOut, BriefQuery
from anyreach.errors import NotThere
from anyreach.organizations.authentication import CallerRequest
from anyreach.organizations.schema import ErrorOut


class AgentAssistView(APIView):
    accepts = list(finding.TAKERS_OVER)

    @extend_schema(
        operation_id="get_agent_assist",
        summary="Be briefed on the newest conversation with a number",
        description=(
            "Live or ended. Without a model, or when it fails or is slow, the brief is made from "
            "facts alone and says so (`generated_by`)."
        ),
        parameters=[BriefQuery],
        responses={200: AgentAssistPortalOut, 422: ErrorOut},
    )
    def get(self, request: CallerRequest, phone_number: str) -> Response:
        query = BriefQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        conversation = finding.newest(request.auth, phone_number)
        if conversation is None:
            raise NotThere
        turns = turns_of(conversation)
        brief = writing.begin(conversation, turns, refresh="refresh" in query.validated_data)
        if brief and brief.state == Brief.State.WRITING:
            brief = writing.wait(brief)
        # Half a brief would be another one each time.
        whole = brief if brief and brief.state == Brief.State.WRITTEN else None
        answer = AgentAssistPortalOut(portal_of(conversation, turns, whole))
        return Response(answer.data)
