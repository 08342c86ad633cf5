"""The web process: uvicorn anyreach.asgi:application."""

import os

from django.core.asgi import get_asgi_application

from anyreach.chunked_bodies import with_lengths

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "anyreach.settings")

application = with_lengths(get_asgi_application())
