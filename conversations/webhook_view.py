"""POST /livekit/webhook: LiveKit's reports come in here."""

from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from anyreach.gateways.livekit.webhooks import NotFromLiveKit
from conversations import webhooks


@csrf_exempt
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """Keep the event and answer at once: a slow answer would block the room's other events."""
    body = request.read(settings.WEBHOOK_MAX_BYTES + 1)
    if len(body) > settings.WEBHOOK_MAX_BYTES:
        return _refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The event is too large.")
    try:
        webhooks.keep(body, request.headers.get("Authorization", ""))
    except NotFromLiveKit:
        return _refuse(HTTPStatus.UNAUTHORIZED, "The signature is missing or wrong.")
    except ValueError:
        return _refuse(HTTPStatus.BAD_REQUEST, "The body is no LiveKit event.")
    return HttpResponse(status=HTTPStatus.OK)


def _refuse(status: HTTPStatus, detail: str) -> HttpResponse:
    return JsonResponse({"detail": detail}, status=status)
