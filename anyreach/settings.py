"""Settings, read once from the environment. A missing or wrong one stops start-up."""

import logging
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import environ
import structlog
from cryptography.fernet import Fernet
from csp.constants import NONCE, NONE, SELF

from anyreach import logs

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent
STATE_DIR = BASE_DIR / ".anyreach"


def refuse(sentence: str) -> NoReturn:
    """Stop start-up, of every process alike, with one sentence and no traceback."""
    raise SystemExit(f"AnyReach cannot start: {sentence}")


def flag(name: str, *, default: bool) -> bool:
    value = env.str(name, default=str(default)).lower()
    if value not in {"true", "false", "1", "0", "on", "off", "yes", "no"}:
        refuse(f"{name} must be true or false.")
    return value in {"true", "1", "on", "yes"}


DEBUG = flag("DEBUG", default=False)


def required(name: str, *, in_debug: str) -> str:
    """Return the setting `name`, or `in_debug` while DEBUG is on and it is not set."""
    value: str = env.str(name, default=in_debug if DEBUG else "")
    return value or refuse(f"{name} is not set.")


def number(name: str, *, default: int, minimum: int = 1) -> int:
    value = env.str(name, default=str(default))
    if not value.isdecimal() or int(value) < minimum:
        refuse(f"{name} must be a whole number, {minimum} or more.")
    return int(value)


def one_of(name: str, *choices: str) -> str:
    """Return the setting `name`, one of `choices`; the first is the default."""
    value: str = env.str(name, default=choices[0])
    return value if value in choices else refuse(f"{name} must be {' or '.join(choices)}.")


def web_url(name: str) -> str:
    value: str = env.str(name, default="")
    if value and (urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname):
        refuse(f"{name} must be an address that begins with http:// or https://.")
    return value


def livekit_url(name: str, *, default: str) -> str:
    value: str = env.str(name, default=default)
    if urlsplit(value).scheme not in {"ws", "wss"} or not urlsplit(value).hostname:
        refuse(f"{name} must be an address that begins with ws:// or wss://.")
    return value


def fernet_keys(name: str, *, needed: bool) -> list[bytes]:
    """Return the setting's keys, the newest first. A DEBUG installation has one of its own."""
    in_debug = urlsafe_b64encode(b"only-for-development".ljust(32, b"x")).decode()
    written = required(name, in_debug=in_debug) if needed else env.str(name, default="")
    keys = [key.strip().encode() for key in written.split(",") if key.strip()]
    for key in keys:
        try:
            Fernet(key)
        except ValueError:
            refuse(f"{name} must be 32 random bytes in URL-safe Base64, or several with commas.")
    return keys


SECRET_KEY = required("SECRET_KEY", in_debug="only-for-development-" + "x" * 40)
BASE_URL = env.str("BASE_URL", default="http://localhost:8000").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[urlsplit(BASE_URL).hostname or "localhost"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[BASE_URL])

# --- LiveKit -------------------------------------------------------------------------------

LIVEKIT_URL = livekit_url(
    "LIVEKIT_URL", default=required("LIVEKIT_URL", in_debug="ws://127.0.0.1:7880")
)
LIVEKIT_PUBLIC_URL = livekit_url("LIVEKIT_PUBLIC_URL", default=LIVEKIT_URL)
LIVEKIT_API_KEY = required("LIVEKIT_API_KEY", in_debug="devkey")
LIVEKIT_API_SECRET = required("LIVEKIT_API_SECRET", in_debug="secret" * 6)
if len(LIVEKIT_API_SECRET) < 32:
    refuse("LIVEKIT_API_SECRET must have 32 characters or more.")
LIVEKIT_TIMEOUT_S = number("LIVEKIT_TIMEOUT_S", default=5)
LIVEKIT_LISTENER_KIND = one_of("LIVEKIT_LISTENER_KIND", "agent", "standard")

# --- Listening and calls -------------------------------------------------------------------

LISTEN_TOKEN_TTL_S = number("LISTEN_TOKEN_TTL_S", default=900, minimum=10)
LISTEN_EVICT_AT_EXPIRY = flag("LISTEN_EVICT_AT_EXPIRY", default=True)
PHONE_RINGING_TIMEOUT_S = number("PHONE_RINGING_TIMEOUT_S", default=30)
VISITOR_TOKEN_TTL_S = number("VISITOR_TOKEN_TTL_S", default=900, minimum=10)
WEBHOOK_KEEP_DAYS = number("WEBHOOK_KEEP_DAYS", default=7)
WEBHOOK_MAX_BYTES = 64 * 1024
API_BODY_MAX_BYTES = 1024 * 1024
IMPORT_MAX_BYTES = number("IMPORT_MAX_BYTES", default=64 * 1024 * 1024)

# --- The language model that writes handoff briefs, if there is one ------------------------

LLM_BASE_URL = web_url("LLM_BASE_URL")
LLM_MODEL = env.str("LLM_MODEL", default="")
LLM_API_KEY = env.str("LLM_API_KEY", default="")
if LLM_BASE_URL and not LLM_MODEL:
    refuse("LLM_BASE_URL is set, but LLM_MODEL is not.")
for _name, _value in (("LLM_MODEL", LLM_MODEL), ("LLM_API_KEY", LLM_API_KEY)):
    if _value and not LLM_BASE_URL:
        refuse(f"{_name} is set, but LLM_BASE_URL is not.")
LLM_FIRST_SECTION_TIMEOUT_S = number("LLM_FIRST_SECTION_TIMEOUT_S", default=8)
LLM_TIMEOUT_S = number("LLM_TIMEOUT_S", default=30)
LLM_MAX_TOKENS = number("LLM_MAX_TOKENS", default=2000, minimum=100)
LLM_MAX_INPUT_TOKENS = number("LLM_MAX_INPUT_TOKENS", default=24_000, minimum=1000)
LLM_SECOND_LOOK = flag("LLM_SECOND_LOOK", default=False)
BRIEF_KEYS = fernet_keys("BRIEF_KEY", needed=bool(LLM_BASE_URL))

# --- Warm transfers ------------------------------------------------------------------------

TRANSFER_STRATEGY = one_of("TRANSFER_STRATEGY", "auto", "gated", "move")
HOLD_MUSIC_FILE = env.str("HOLD_MUSIC_FILE", default="")
if HOLD_MUSIC_FILE and not Path(HOLD_MUSIC_FILE).is_file():
    refuse("HOLD_MUSIC_FILE is no file.")
SPEECH_BASE_URL = web_url("SPEECH_BASE_URL")
SPEECH_API_KEY = env.str("SPEECH_API_KEY", default="")
SPEECH_MODEL = env.str("SPEECH_MODEL", default="tts-1")
SPEECH_VOICE = env.str("SPEECH_VOICE", default="alloy")
SPEECH_TIMEOUT_S = number("SPEECH_TIMEOUT_S", default=5)

# --- Django --------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.forms",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "procrastinate.contrib.django",
    "anyreach.organizations",
    "anyreach.jobs",
    "anyreach.demo",
    "conversations",
    "agent_assist",
    "listen_sdk",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "anyreach.no_store.NoStore",
    "csp.middleware.CSPMiddleware",
    "anyreach.errors.ErrorPages",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
]

ROOT_URLCONF = "anyreach.urls"
ASGI_APPLICATION = "anyreach.asgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "anyreach.templates.Templates",
        "NAME": "django",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "anyreach.organizations.pages.installation",
            ],
            "builtins": ["anyreach.moments"],
        },
    }
]

required("DATABASE_URL", in_debug="")
DATABASES = {"default": env.db_url("DATABASE_URL")}
DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {
    "min_size": 1,
    "max_size": number("DATABASE_POOL_SIZE", default=20),
    "timeout": 10,
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static" / "build"]
STATIC_ROOT = STATE_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"}
}

# Source maps are for people with the developer tools open; compressing them takes longest.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = (
    *("jpg", "jpeg", "png", "gif", "webp", "zip", "gz", "br", "woff", "woff2"),
    *("map", "txt"),
)

# --- Sign-in -------------------------------------------------------------------------------

AUTH_USER_MODEL = "organizations.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_ADAPTER = "anyreach.organizations.sign_in.AccountAdapter"
USERSESSIONS_ADAPTER = "anyreach.organizations.sign_in.UserSessionsAdapter"
ACCOUNT_LOGOUT_REDIRECT_URL = LOGIN_URL
ACCOUNT_SESSION_REMEMBER = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # addresses are the invitations', nobody changes theirs
MFA_TOTP_ISSUER = "AnyReach"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
SENDS_EMAIL = bool(env.str("EMAIL_URL", default=""))
vars().update(env.email_url("EMAIL_URL", default="dummymail://"))
EMAIL_TIMEOUT = 5
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="anyreach@localhost")

# --- Security ------------------------------------------------------------------------------

_SECURE = BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _SECURE
CSRF_FAILURE_VIEW = "anyreach.errors.csrf_failure"
SECURE_HSTS_SECONDS = 3600 * 24 * 365 if _SECURE else 0
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _SECURE else None
X_FRAME_OPTIONS = "DENY"

_livekit_hosts = [
    f"{scheme}://{urlsplit(LIVEKIT_PUBLIC_URL).netloc}"
    for scheme in (("wss", "https") if LIVEKIT_PUBLIC_URL.startswith("wss") else ("ws", "http"))
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "media-src": [SELF, "blob:"],
        "connect-src": [SELF, *_livekit_hosts],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- API -----------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "anyreach.organizations.authentication.BearerAuthentication",
        "anyreach.organizations.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["anyreach.organizations.permissions.AcceptsScopes"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "anyreach.bodies.OnlyJSON",
    "DEFAULT_PARSER_CLASSES": ["anyreach.bodies.JSONBody"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "anyreach.organizations.schema.ApiSchema",
    "EXCEPTION_HANDLER": "anyreach.errors.api_exception_handler",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "AnyReach",
    "DESCRIPTION": "Read, hear and steer the calls that your AI voice agent answers.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "COMPONENT_SPLIT_PATCH": False,
}

# --- Jobs ----------------------------------------------------------------------------------

PROCRASTINATE_AUTODISCOVER_MODULE_NAME = ""
PROCRASTINATE_IMPORT_PATHS = [
    "agent_assist.transfer.conducting",
    "agent_assist.transfer.resuming",
    "agent_assist.writing",
    "anyreach.jobs.stalled",
    "conversations.listening",
    "conversations.phones.dialling",
    "conversations.phones.trying",
    "conversations.reconciling",
    "conversations.recording",
    "conversations.revoking",
    "conversations.webhooks",
]
WORKER_STALLED_AFTER_S = 6.0
PROCRASTINATE_WORKER_DEFAULTS = {
    "concurrency": number("WORKER_CONCURRENCY", default=200),
    # A job that waits for its room's lock is only found by looking again.
    "fetch_job_polling_interval": 0.2,
    "update_heartbeat_interval": 2.0,
    "stalled_worker_timeout": WORKER_STALLED_AFTER_S,
    "shutdown_graceful_timeout": 5.0,
    "delete_jobs": "successful",
}

# --- Logs: fixed sentences with ids, one JSON object a line --------------------------------

# Else what cannot be put into a line is printed as it is.
logging.raiseExceptions = False
LOG_LEVEL = one_of("LOG_LEVEL", "INFO", "DEBUG", "WARNING", "ERROR")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": [
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                logs.add_ids,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.ExceptionRenderer(logs.without_words),
            ],
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(default=lambda value: type(value).__name__),
            ],
        }
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "json",
        },
        "nowhere": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "anyreach": {"level": LOG_LEVEL},
        "conversations": {"level": LOG_LEVEL},
        "agent_assist": {"level": LOG_LEVEL},
        # Without handlers of their own, which quote exceptions.
        "django": {"level": "WARNING"},
        "uvicorn": {"level": "INFO", "propagate": True},
        "django.request": {"level": "ERROR"},
        "procrastinate": {"level": "WARNING"},
        # It calls every room's end an error.
        "livekit": {"level": "CRITICAL"},
        "uvicorn.access": {"level": "CRITICAL"},
        # They tell what is sent to the language model, at a level that their own variables set.
        **{
            name: {"handlers": ["nowhere"], "propagate": False}
            for name in ("openai", "httpx2", "httpcore2")
        },
    },
}
