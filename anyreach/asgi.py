"""The web process: uvicorn anyreach.asgi:application."""

import os
from importlib import import_module

from django.conf import settings
from django.core.asgi import get_asgi_application

from anyreach import open_files
from anyreach.chunked_bodies import with_lengths
from anyreach.garbage import look_seldom

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "anyreach.settings")

application = with_lengths(get_asgi_application())

import_module(settings.ROOT_URLCONF)
look_seldom()
open_files.as_many_as_allowed()
