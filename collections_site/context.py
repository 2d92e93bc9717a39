"""What every page's frame needs: the way around for this person, languages, theme."""

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.models.staff import Role, Theme


class Entry(NamedTuple):
    """A page one can go to, shown to whoever holds the permission."""

    url_name: str
    label: str | Promise
    icon: str
    permission: str
    noun: str = ""  # the pages of this noun (`case`, `case_…`) belong to the entry too


NAV = (
    Entry("board", _("Board"), "layout-dashboard", "cases.see_board", noun="board"),
    Entry("queue", _("My queue"), "inbox", "cases.talk_case", noun="case"),
    Entry("legal_cases", _("Legal"), "gavel", "cases.see_legal"),
    Entry("complaints", _("Complaints"), "message-report", "compliance.view_complaint", noun="complaint"),
    Entry("findings", _("Findings"), "flag", "compliance.view_finding", noun="finding"),
    Entry("overrides", _("Second opinions"), "user-check", "compliance.view_override", noun="override"),
    Entry("approvals", _("Approvals"), "checklist", "cases.view_approval", noun="approval"),
    Entry("packs", _("Rules"), "scale", "compliance.view_packversion", noun="pack"),
    Entry("audit", _("Audit log"), "shield-check", "compliance.search_audit"),
    Entry("search", _("Find"), "search", "accounts.view_borrower"),
    Entry("decisions", _("Decisions"), "file-search", "compliance.view_contactdecision", noun="decision"),
    Entry("portfolios", _("Portfolios"), "briefcase", "accounts.open_contact", noun="portfolio"),
    Entry("days", _("Daily runs"), "calendar-event", "cases.view_dayrun", noun="day"),
    Entry("agency_board", _("Agencies"), "building", "cases.view_placement", noun="agency"),
    Entry("bureau", _("Credit records"), "building-bank", "cases.view_furnished", noun="bureau"),
    Entry("debits", _("Uncertain debits"), "credit-card-refund", "cases.settle_debit", noun="debit"),
    Entry("imports", _("Imports"), "file-import", "accounts.import_loans", noun="import"),
    Entry(
        "provider_files",
        _("Settlement files"),
        "report-money",
        "accounts.view_provider_file",
        noun="provider",
    ),
    Entry("payments_unmatched", _("Unmatched payments"), "cash-off", "accounts.match_payment"),
    Entry("admin:accounts_user_changelist", _("Staff"), "users", "accounts.view_user"),
    Entry("admin:index", _("Settings"), "settings", "accounts.view_portfolio"),
    Entry("mail_sink", _("Sent mail"), "mailbox", "cases.see_board"),
)
DEMO_ONLY = {"mail_sink"}
IN_THE_BAR = 8

# Where the day starts. Who has no line here starts at the first entry of the nav.
START = {
    Role.AGENT: "queue",
    Role.SUPERVISOR: "board",
    Role.COMPLIANCE: "complaints",
    Role.LEGAL: "legal_cases",
    Role.ADMINISTRATOR: "imports",
    Role.AGENCY: "queue",
}


def address(url_name: str) -> str | None:
    """Where a page is, or None where it is not installed."""
    try:
        return reverse(url_name)
    except NoReverseMatch:
        return None


class Link(NamedTuple):
    url: str
    label: str | Promise
    icon: str
    current: bool


def is_of_noun(url_name: str, noun: str) -> bool:
    return url_name == noun or url_name.startswith(f"{noun}_")


class Shell:
    """The frame of one answer. Computed only where a template asks, so fragments pay nothing."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    @cached_property
    def person(self):
        """The signed-in member of staff, or None."""
        user = getattr(self.request, "user", None)
        return user if user is not None and user.is_authenticated else None

    @cached_property
    def nav(self) -> list[Link]:
        """The entries this person may see, the one of the present page marked."""
        entries = [
            (entry, url)
            for entry in NAV
            if self.person
            and self.person.has_perm(entry.permission)
            and (settings.DEMO or entry.url_name not in DEMO_ONLY)
            and (url := address(entry.url_name))
        ]
        here = self.request.resolver_match.view_name if self.request.resolver_match else ""
        belonging = [entry for entry, _url in entries if entry.noun and is_of_noun(here, entry.noun)]
        # Addresses nest (/admin/ and /admin/accounts/user/): the longest that fits is the page's own.
        under = [(len(url), entry) for entry, url in entries if self.request.path.startswith(url)]
        current = max(under, key=lambda pair: pair[0])[1] if under else next(iter(belonging), None)
        return [Link(url, entry.label, entry.icon, entry is current) for entry, url in entries]

    @property
    def nav_first(self) -> list[Link]:
        """What the bar shows at once; the page one is on is among it, in the place of the last."""
        current = [link for link in self.nav[IN_THE_BAR:] if link.current]
        return self.nav[: IN_THE_BAR - len(current)] + current

    @property
    def nav_more(self) -> list[Link]:
        """The rest, behind one button."""
        shown = self.nav_first
        return [link for link in self.nav if link not in shown]

    @cached_property
    def home(self) -> str | None:
        """Where this person starts; None for who may see no page at all."""
        start = address(START[self.person.role]) if self.person and self.person.role in START else None
        urls = [link.url for link in self.nav]
        return start if start in urls else next(iter(urls), None)

    @cached_property
    def next_case(self) -> str | None:
        """Where the next case is taken (by POST), for those who work cases."""
        return address("queue_next") if self.person and self.person.has_perm("cases.talk_case") else None

    @property
    def language(self) -> str:
        """Django's code of the page's language."""
        return get_language() or settings.LANGUAGE_CODE

    @property
    def html_lang(self) -> str:
        """The same as a browser wants it in `lang`: en, zh-Hans."""
        code, _dash, script = self.language.partition("-")
        return f"{code}-{script.title()}" if script else code

    @property
    def other_languages(self) -> list[tuple[str, str, str]]:
        """Code, `lang` and own name of each language the page could be in instead."""
        own_names: Mapping[str, tuple[str, str]] = {"en": ("en", "English"), "zh-hans": ("zh-Hans", "中文")}
        return [(code, *own_names[code]) for code, _name in settings.LANGUAGES if code != self.language]

    @property
    def theme(self) -> str:
        """light, dark, or auto: as the person's system has it."""
        return self.person.theme if self.person else Theme.AUTO

    @property
    def themes(self) -> list[tuple[str, str | Promise, str]]:
        """Value, label and icon of each theme to choose."""
        signs = {Theme.LIGHT: "sun", Theme.DARK: "moon", Theme.AUTO: "device-desktop"}
        return [(theme.value, theme.label, sign) for theme, sign in signs.items()]

    @property
    def shortcuts(self) -> bool:
        """Whether single keys press buttons for this person."""
        return bool(self.person and self.person.shortcuts)

    @property
    def demo(self) -> bool:
        return settings.DEMO


def shell(request: HttpRequest) -> dict[str, Shell]:
    """Context processor: `shell` in every template."""
    return {"shell": Shell(request)}
