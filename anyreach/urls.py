"""Every address of the product. What needs an organization's slug comes last."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

import agent_assist.transfer.urls
import agent_assist.urls
import conversations.urls
import listen_sdk.urls
from anyreach import api_docs
from anyreach.organizations import urls as organizations

handler400 = "anyreach.errors.bad_request"
handler403 = "anyreach.errors.permission_denied"
handler404 = "anyreach.errors.not_found"
handler429 = "anyreach.organizations.sign_in.too_many_requests"  # allauth asks for it
handler500 = "anyreach.errors.server_error"


def health(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


urlpatterns = [
    path("health", health, name="health"),
    path("core/openapi.json", api_docs.document, name="openapi"),
    path("docs/api", api_docs.page, name="api-docs"),
    path("core/", include(conversations.urls.core_urlpatterns)),
    path("core/", include(agent_assist.urls.core_urlpatterns)),
    path("core/", include(agent_assist.transfer.urls.core_urlpatterns)),
    path("public/", include(listen_sdk.urls.public_urlpatterns)),
    path("livekit/", include(conversations.urls.livekit_urlpatterns)),
    path("admin/", include(organizations.admin_urlpatterns)),
    path("account/", include(organizations.account_urlpatterns)),
    path("", include(organizations.root_urlpatterns)),
    path("<slug:org_slug>/", include(organizations.organization_urlpatterns)),
    path("<slug:org_slug>/", include(conversations.urls.organization_urlpatterns)),
    path("<slug:org_slug>/", include(agent_assist.urls.organization_urlpatterns)),
    path("<slug:org_slug>/", include(agent_assist.transfer.urls.organization_urlpatterns)),
    path("<slug:org_slug>/", include(listen_sdk.urls.organization_urlpatterns)),
]
