"""All settings, from the environment. Wiring only; `FORBEAR_` prefixes our own.

With no `DATABASE_URL` or `REDIS_URL`, the PostgreSQL and Valkey that come as packages are started in `FORBEAR_VAR`.
"""

import os
import sys
from pathlib import Path

import dj_database_url
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from collections_site import local

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = local.var_folder()


def flag(name: str, default: bool = False) -> bool:
    """A yes/no environment variable; anything but the four words is an error, not a guess."""
    word = os.environ.get(name, "yes" if default else "no").lower()
    if word not in {"yes", "no", "true", "false"}:
        raise SystemExit(f"{name} must be yes or no, not {word!r}.")
    return word in {"yes", "true"}


DEMO = flag("FORBEAR_DEMO")
DEBUG = flag("FORBEAR_DEBUG")
SECRET_KEY = local.secret("FORBEAR_SECRET_KEY")
# Newest first: the first seals, all open. Base64 of 32 bytes each, separated by commas.
SEAL_KEYS = local.secret("FORBEAR_SEAL_KEYS").split(",")
# Keys the blind indexes; changing it means re-indexing, so it is apart from the sealing keys.
BLIND_INDEX_KEY = local.secret("FORBEAR_BLIND_INDEX_KEY")
ALLOWED_HOSTS = os.environ.get("FORBEAR_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [origin for origin in os.environ.get("FORBEAR_ORIGINS", "").split(",") if origin]

INSTALLED_APPS = [
    "compliance",
    "accounts",
    "communications",
    "cases",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "django_rq",
    "import_export",
    "rest_framework",
    "collections_site",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "collections_site.middleware.PersonLocaleMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "collections_site.middleware.FragmentVaryMiddleware",
]
ROOT_URLCONF = "collections_site.urls"
WSGI_APPLICATION = "collections_site.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "collections_site.context.shell",
            ],
        },
    },
]

# Two database roles: the owner migrates, the app works. `manage.py` says which for `migrate`.
DATABASES = {
    "default": dj_database_url.parse(
        local.database_url(os.environ.get("FORBEAR_DATABASE_ROLE", "app")),
        conn_max_age=60,
        conn_health_checks=True,
        disable_server_side_cursors=flag("FORBEAR_PGBOUNCER"),
    )
}
DATABASES["default"].setdefault("OPTIONS", {})["application_name"] = "forbear"
if not flag("FORBEAR_PGBOUNCER"):
    # Only what `accounts.statements` runs is prepared, at once and with one plan for all values.
    DATABASES["default"]["OPTIONS"] |= {
        "prepare_threshold": sys.maxsize,
        "options": "-c plan_cache_mode=force_generic_plan",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = local.redis_url()
RQ_QUEUES = {name: {"URL": REDIS_URL, "DEFAULT_TIMEOUT": 3600} for name in ("default", "outreach", "bulk")}
RQ = {"COMMIT_MODE": "on_db_commit"}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.roles.RoleBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign_in"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = flag("FORBEAR_HTTPS")
SECURE_SSL_REDIRECT = flag("FORBEAR_HTTPS")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if flag("FORBEAR_BEHIND_PROXY") else None
SECURE_HSTS_SECONDS = 31536000 if flag("FORBEAR_HTTPS") else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],  # Tabler draws form marks from data URLs
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "collections_site" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"
# npm packages are large: only the folders and files we serve are named.
NODE_MODULES = BASE_DIR / "node_modules"
STATICFILES_DIRS = [
    BASE_DIR / "collections_site" / "static",
    ("vendor/tabler", NODE_MODULES / "@tabler" / "core" / "dist"),
    ("vendor/echarts", NODE_MODULES / "echarts" / "dist"),
]

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = os.environ.get("FORBEAR_SMTP_HOST", "127.0.0.1")
EMAIL_PORT = int(os.environ.get("FORBEAR_SMTP_PORT", "2525"))
EMAIL_HOST_USER = os.environ.get("FORBEAR_SMTP_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("FORBEAR_SMTP_PASSWORD", "")
EMAIL_USE_TLS = flag("FORBEAR_SMTP_TLS")
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = os.environ.get("FORBEAR_FROM_EMAIL", "care@forbear.example")

DATA_UPLOAD_MAX_MEMORY_SIZE = 25 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 25 * 1024 * 1024  # uploads are sealed before they touch a disk
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": os.environ.get("FORBEAR_LOG_LEVEL", "WARNING")},
}
