"""What every request gets: the language of the person asking, and headers that keep caches honest."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_cache_control, patch_vary_headers

GetResponse = Callable[[HttpRequest], HttpResponse]


class PersonLocaleMiddleware:
    """Answer in the signed-in person's own language; ask cookie and browser where nobody is signed in.

    Takes the place of Django's `LocaleMiddleware`, which knows no persons. The language is put back
    afterwards, so a streamed body is written in the default language: translate its headings beforehand.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        own = getattr(request.user, "language", "")
        language = own if own in dict(settings.LANGUAGES) else translation.get_language_from_request(request)
        with translation.override(language):
            request.LANGUAGE_CODE = language  # where Django and its apps look for it
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        if not own:
            patch_vary_headers(response, ["Accept-Language", "Cookie"])
        return response


class FragmentVaryMiddleware:
    """Keep fragment and page apart under one address, and a signed-in person's pages and files out of every cache.

    Without `Vary` a browser may show a bare fragment when somebody goes back. Without `no-store` the pages of
    a borrower's case would stay on the disk of a shared computer after sign-out.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.headers.get("Content-Type", "").startswith("text/html"):
            patch_vary_headers(response, ["HX-Request", "HX-History-Restore-Request"])
        if not response.has_header("Cache-Control") and request.user.is_authenticated:
            patch_cache_control(response, private=True, no_store=True)
        return response
