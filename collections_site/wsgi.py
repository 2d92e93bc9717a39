"""The web application, as gunicorn wants it."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collections_site.settings")
application = get_wsgi_application()

from compliance.actions.gate import packs  # noqa: E402 - only now are there models

packs()  # a pack that cannot be read stops the start, and nobody's first page waits for the law
