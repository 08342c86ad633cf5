"""The API's description: for programs at /core/openapi.json, for people at /docs/api."""

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularRedocView

OPEN: dict[str, list[type]] = {"permission_classes": [], "authentication_classes": []}

document = SpectacularJSONAPIView.as_view(**OPEN)
# Redoc styles itself with inline styles. The page shows our own document and nothing else.
page = csp_replace({"style-src": [SELF, UNSAFE_INLINE]})(
    SpectacularRedocView.as_view(url_name="openapi", **OPEN)
)
