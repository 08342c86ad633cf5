"""The web process: uvicorn anyreach.asgi:application."""

import gc
import os
from importlib import import_module

from django.conf import settings
from django.core.asgi import get_asgi_application

from anyreach.chunked_bodies import with_lengths

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "anyreach.settings")

application = with_lengths(get_asgi_application())

import_module(settings.ROOT_URLCONF)
# What is loaded by now stays. To look through all of it again and again, in the middle of
# requests, costs one in twenty lists of the API 200 ms.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 100)
