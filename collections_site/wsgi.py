"""The web application, as gunicorn wants it."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collections_site.settings")
application = get_wsgi_application()
