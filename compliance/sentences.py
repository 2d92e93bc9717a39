"""A sentence for every reason the rules give, in the reader's language. Said to staff, beside the hour that opens."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from babel import Locale
from babel.dates import format_date, get_timezone_location
from babel.lists import format_list
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy, gettext_noop, ngettext
from django.utils.translation import gettext as _

from accounts.models import Relation
from compliance.holds import HOLDS
from compliance.rules import ReasonCode, RuleResult
from compliance.rules.shapes import Words

Params = Mapping[str, Any]
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def explain(result: RuleResult) -> str:
    """The sentence of one rule's result; empty where it gives no reason."""
    if result.reason is None:
        return ""
    counts = {"limit": result.limit, "days": result.days, "counted": result.counted}
    return sentence(result.reason, {**result.params, **counts})


def sentence(reason_code: str, params: Params) -> str:
    """The sentence of a reason code with its parameters, as `ReasonCode` documents them; `limit` and `days` of the result
    beside them where a count was reached. A code nobody knows comes back as it is: old decisions stay readable."""
    try:
        speak = SENTENCES[ReasonCode(reason_code)]
    except ValueError:
        return reason_code
    return speak(params)


OVERRIDE_REASONS: dict[str, str | Promise] = {
    "required_by_applicable_law": gettext_lazy("The law requires this contact"),
    "directly_related_to_active_litigation": gettext_lazy("It is about a lawsuit that is under way"),
    "responding_to_consumer_request": gettext_lazy("It answers what the borrower asked of us"),
    "avoid_negative_effect_outside_collector_control_time_critical": gettext_lazy(
        "It prevents harm to the borrower that we do not control and that cannot wait"
    ),
}


def override_reason(code: str) -> str:
    """A reason of a rule's own list, in words; one nobody has worded yet as it is written."""
    return str(OVERRIDE_REASONS.get(code, code.replace("_", " ")))


# How our own policy's citations begin; what they name, and the law, is quoted as it is.
HOUSE = (
    gettext_noop("House policy, mindful of"),
    gettext_noop("House policy, after"),
    gettext_noop("House policy"),
)


def cited(citation: str) -> Words:
    """A citation and its language: the law's own, or the reader's where our own policy is named."""
    words = next((words for words in HOUSE if citation.startswith(words)), None)
    if words is None:
        return Words(citation, "zh-Hans" if CHINESE.search(citation) else "en")
    said = _(words)
    return Words(said + citation.removeprefix(words), "zh-Hans" if CHINESE.search(said) else "en")


def _unknown_jurisdiction(params: Params) -> str:
    if not params.get("jurisdictions"):
        return _("The portfolio names no jurisdiction, so nobody is contacted.")
    return _("There are no rules for %(jurisdictions)s yet, so nobody is contacted.") % {
        "jurisdictions": _join(params["jurisdictions"])
    }


def _unknown_zone(_params: Params) -> str:
    return _("Nobody knows what time it is where the borrower is.")


def _unknown_role(_params: Params) -> str:
    return _(
        "Our role towards the borrower is not clear. Loans held in different roles are spoken about apart."
    )


def _unknown_channel(_params: Params) -> str:
    return _("This way of contact is not known to the rules.")


def _unknown_purpose(_params: Params) -> str:
    return _("This reason for contact is not known to the rules.")


def _unknown_party(_params: Params) -> str:
    return _("It is not clear whom this contact would reach.")


def _nothing_overdue(_params: Params) -> str:
    return _("Nothing is overdue, so there is nothing to ask for.")


def _arrears_unknown(_params: Params) -> str:
    return _("What is owed today is not known.")


def _hold(params: Params) -> str:
    row = HOLDS.get(params["hold"])
    why = str(row.why) if row else _("A hold stops contact (%(kind)s).") % {"kind": params["hold"]}
    if params.get("last_day"):
        return _("%(why)s Until %(day)s, that day included.") % {"why": why, "day": _day(params["last_day"])}
    return why


def _party_not_allowed(params: Params) -> str:
    if params["party"] in Relation.values:
        return _("The debt is not spoken about with others: this reaches the borrower's %(relation)s.") % {
            "relation": str(Relation(params["party"]).label).lower()
        }
    return _("The debt is not spoken about with others: this reaches somebody else.")


def _outside_hours(params: Params) -> str:
    said = {
        "place": _place(params["zone"]),
        "time": params["local_time"],
        "hours": _join(["–".join(span) for span in params["hours"]]),
    }
    if params.get("at_edge"):
        text = _(
            "It is exactly %(time)s in %(place)s, and the edge of the open hours (%(hours)s) is kept closed."
        )
    else:
        text = _("It is %(time)s in %(place)s; contact is open there %(hours)s.")
    return _in_all_zones(text % said, params)


def _closed_day(params: Params) -> str:
    text = _("%(day)s is a closed day in %(place)s.") % {
        "day": _day(params["day"]),
        "place": _place(params["zone"]),
    }
    return _in_all_zones(text, params)


def _no_common_hours(params: Params) -> str:
    number = len(params["zones"])
    return ngettext(
        "In the time zone where the borrower may be no hour is open.",
        "No hour is open in every one of the %(number)d time zones where the borrower may be.",
        number,
    ) % {"number": number}


EVER = 366  # a window of more days than any law counts has no end
LOAN_BY = {"debt_group": "debt", "account": "debt"}  # to the reader all are the loan


def _count_reached(params: Params) -> str:
    limit, days = params.get("limit") or 0, params.get("days") or 1
    what = {
        "dial": lambda: ngettext("%(limit)d call", "%(limit)d calls", limit),
        "connected_call": lambda: ngettext("%(limit)d call", "%(limit)d calls", limit),
        "unanswered_call": lambda: ngettext("%(limit)d unanswered call", "%(limit)d unanswered calls", limit),
        "telephone": lambda: ngettext("%(limit)d call or text", "%(limit)d calls and texts", limit),
        "visit": lambda: ngettext("%(limit)d visit", "%(limit)d visits", limit),
        "conversation": lambda: ngettext("%(limit)d conversation", "%(limit)d conversations", limit),
        "message": lambda: ngettext("%(limit)d message", "%(limit)d messages", limit),
    }.get(params["event"], lambda: ngettext("%(limit)d contact", "%(limit)d contacts", limit))() % {
        "limit": limit
    }
    said = {"what": what, "days": days}
    # Whole sentences: word order differs too much between languages to put them together from parts.
    if days > EVER:
        return _("The most there may ever be has been reached: %(what)s.") % said
    match LOAN_BY.get(params["per"], params["per"]), days == 1:
        case "debt", True:
            text = _("The most for one day has been reached for this loan: %(what)s.")
        case "debt", False:
            text = _("The most for %(days)d days has been reached for this loan: %(what)s.")
        case "contact_point", True:
            text = _("The most for one day has been reached for this number or address: %(what)s.")
        case "contact_point", False:
            text = _("The most for %(days)d days has been reached for this number or address: %(what)s.")
        case "channel", True:
            text = _("The most for one day has been reached on this channel: %(what)s.")
        case "channel", False:
            text = _("The most for %(days)d days has been reached on this channel: %(what)s.")
        case _other, True:
            text = _("The most for one day has been reached: %(what)s.")
        case _other, False:
            text = _("The most for %(days)d days has been reached: %(what)s.")
    return text % said


def _quiet_period(params: Params) -> str:
    said = {"last": _day(params["last_event"]), "first": _day(params["first_open"])}
    if params["event"] == "conversation":
        return _("You spoke on %(last)s; some quiet days follow, until %(first)s.") % said
    return _("The last contact was on %(last)s; some quiet days follow, until %(first)s.") % said


def _stale_facts(_params: Params) -> str:
    return _("What is known here is too old to rely on; it is read again first.")


def _designated_time(params: Params) -> str:
    return _("The borrower asked not to be contacted at this time (it is %(time)s in %(place)s).") % {
        "time": params["local_time"],
        "place": _place(params["zone"]),
    }


def _designated_place(_params: Params) -> str:
    return _("The borrower asked not to be contacted there.")


def _employer_forbids(_params: Params) -> str:
    return _("Calls at work are not welcome there; use another way.")


def _medium_refused(params: Params) -> str:
    if params.get("contact_point"):
        return _("The borrower asked that this number or address not be used.")
    return _("The borrower asked not to be contacted this way.")


def _no_consent(_params: Params) -> str:
    return _("The borrower has not agreed to electronic messages.")


def _public(_params: Params) -> str:
    return _("Others could read this.")


def _employer_email(_params: Params) -> str:
    return _("The address comes from the employer, where others may read it.")


def _inconvenient_now(_params: Params) -> str:
    return _("It does not suit now. Ask when it would, and end the call.")


EXCEPTIONS: dict[str, str | Promise] = {
    "agreed_hours": gettext_lazy("agreed hours"),
    "agreed_dials": gettext_lazy("an agreed number of calls"),
    "court_permission": gettext_lazy("permission of a court"),
    "debtor_initiated": gettext_lazy("the borrower began"),
    "they_began": gettext_lazy("the borrower began"),
    "debtor_unreachable": gettext_lazy("the borrower cannot be reached"),
    "more_than_15_days_past_due": gettext_lazy("more than fifteen days past due"),
    "one_response_same_medium": gettext_lazy("one answer by the same way"),
    "ongoing_liability": gettext_lazy("a liability that goes on"),
    "opt_out_confirmation": gettext_lazy("an opt-out is confirmed"),
    "seek_consent": gettext_lazy("consent is asked for"),
}
"""Exceptions by the packs' own names for them; one named for a provision of the law stays as it is."""


def _excepted(params: Params) -> str:
    name = params["exception"]
    return _("It may be done because the rule has an exception for it (%(exception)s).") % {
        "exception": EXCEPTIONS.get(name, name)
    }


def _set_aside(_params: Params) -> str:
    return _("Two people have set this draft rule aside for now.")


def _proposed(_params: Params) -> str:
    return _("A rule that is only proposed would stop this. It is not law yet.")


def _pattern(params: Params) -> str:
    return str(PATTERNS.get(params["factor"], _("So many contacts so close together tell against us.")))


def _required(params: Params) -> str:
    wanted = [str(REQUIREMENTS.get(word, word)) for word in params["requires"]]
    return _("To be kept in mind: %(what)s.") % {"what": _join(wanted)}


PATTERNS = {
    "rapid_succession_calls_5_minutes": gettext_lazy("A second call within five minutes tells against us."),
    "rapid_succession_voicemails_5_minutes": gettext_lazy(
        "A second voicemail within five minutes tells against us."
    ),
    "highly_concentrated_calls": gettext_lazy("So many calls to one number on one day tell against us."),
    "highly_concentrated_voicemails": gettext_lazy(
        "So many voicemails to one number on one day tell against us."
    ),
    "many_texts_on_several_days": gettext_lazy("So many texts on several days are likely harassment."),
}
REQUIREMENTS = {
    "attempt_to_collect_a_debt": gettext_lazy("say that this is about collecting a debt"),
    "information_will_be_used_for_that": gettext_lazy("say that what is told will be used for that"),
    "from_a_debt_collector": gettext_lazy("say that it comes from a debt collector"),
    "same_language": gettext_lazy("say so in the language of the rest"),
    "opt_out_notice": gettext_lazy("tell how to stop such messages, at no cost"),
    "opt_out_by_one_word": gettext_lazy("one word is enough to stop them"),
    "recording": gettext_lazy("record the call"),
    "voicemail_business_name": gettext_lazy(
        "on a voicemail, a business name that does not show debt collection"
    ),
    "voicemail_request_to_reply": gettext_lazy("ask there for a reply"),
    "voicemail_names": gettext_lazy("say whom to ask for"),
    "voicemail_number": gettext_lazy("and on what number"),
    "voicemail_nothing_else": gettext_lazy("and nothing else"),
}
"""What packs require of a contact, by their own words for it."""


def _consented(params: Params) -> str:
    return _("The borrower asked to be called, until %(day)s.") % {"day": _day(params["until"])}


SENTENCES: dict[ReasonCode, Callable[[Params], str]] = {
    ReasonCode.UNKNOWN_JURISDICTION: _unknown_jurisdiction,
    ReasonCode.UNKNOWN_ROLE: _unknown_role,
    ReasonCode.UNKNOWN_CHANNEL: _unknown_channel,
    ReasonCode.UNKNOWN_PURPOSE: _unknown_purpose,
    ReasonCode.UNKNOWN_PARTY: _unknown_party,
    ReasonCode.UNKNOWN_ZONE: _unknown_zone,
    ReasonCode.NOTHING_OVERDUE: _nothing_overdue,
    ReasonCode.ARREARS_UNKNOWN: _arrears_unknown,
    ReasonCode.HOLD: _hold,
    ReasonCode.PARTY_NOT_ALLOWED: _party_not_allowed,
    ReasonCode.OUTSIDE_HOURS: _outside_hours,
    ReasonCode.CLOSED_DAY: _closed_day,
    ReasonCode.NO_COMMON_HOURS: _no_common_hours,
    ReasonCode.COUNT_REACHED: _count_reached,
    ReasonCode.QUIET_PERIOD: _quiet_period,
    ReasonCode.CONSENTED: _consented,
    ReasonCode.STALE_FACTS: _stale_facts,
    ReasonCode.DESIGNATED_TIME: _designated_time,
    ReasonCode.DESIGNATED_PLACE: _designated_place,
    ReasonCode.EMPLOYER_FORBIDS: _employer_forbids,
    ReasonCode.MEDIUM_REFUSED: _medium_refused,
    ReasonCode.NO_CONSENT: _no_consent,
    ReasonCode.PUBLIC: _public,
    ReasonCode.EMPLOYER_EMAIL: _employer_email,
    ReasonCode.INCONVENIENT_NOW: _inconvenient_now,
    ReasonCode.EXCEPTED: _excepted,
    ReasonCode.SET_ASIDE: _set_aside,
    ReasonCode.PROPOSED: _proposed,
    ReasonCode.PATTERN: _pattern,
    ReasonCode.REQUIRED: _required,
}


def _in_all_zones(text: str, params: Params) -> str:
    """The sentence, and where several clocks count, that they do."""
    number = params.get("zones", 1)
    if number < 2:
        return text
    more = ngettext(
        "It must be open in the %(number)d time zone where the borrower may be.",
        "It must be open in each of the %(number)d time zones where the borrower may be.",
        number,
    )
    return _("%(first)s %(second)s") % {"first": text, "second": more % {"number": number}}


def reader_locale() -> Locale:
    """Babel's locale of the language that is spoken to the reader now."""
    return Locale.parse("zh_Hans_CN" if (get_language() or "en").startswith("zh") else "en_GB")


def _place(zone: str) -> str:
    """The city a zone is named for, in the reader's language."""
    return get_timezone_location(zone, locale=reader_locale(), return_city=True)


def _day(text: str | date) -> str:
    day = text if isinstance(text, date) else date.fromisoformat(text)
    return format_date(day, "medium", locale=reader_locale())


def _join(items: list[str]) -> str:
    return format_list(items, locale=reader_locale())
