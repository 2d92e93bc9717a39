"""What differs in tests, and why: cheap password hashing, nothing else changes the behaviour of the product."""

from collections_site.settings import *  # noqa: F403 - the one place where all settings are taken over
from collections_site.settings import STATIC_ROOT

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Nothing is collected for tests: files are served from where they lie.
WHITENOISE_AUTOREFRESH = True
# whitenoise warns of a missing folder, and warnings are errors.
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
