"""What was booked on a loan: payments, charges, mandates and debits."""

from django.utils.translation import gettext as _

from accounts.models import DebitSource, MandateEnd
from cases.story.line import Data, Line, Maker, Told, label
from cases.words import amount_of, day


def _loan_imported(_data: Data, _told: Told) -> Line:
    return Line("file-import", _("Loan taken over from the lender's file"))


def _ledger_posted(data: Data, _told: Told) -> Line | None:
    texts = {
        "repayment": (_("Paid %(amount)s, counted from %(day)s"), "receipt", "done"),
        "reversal": (
            _("A payment of %(amount)s was taken back, counted from %(day)s"),
            "cash-off",
            "attention",
        ),
        "waiver": (_("%(amount)s forgiven, counted from %(day)s"), "heart-handshake", "done"),
        "waiver_back": (
            _("%(amount)s that was forgiven is owed again, counted from %(day)s"),
            "alert-triangle",
            "attention",
        ),
        "chargeback": (
            _("The provider took %(amount)s back, counted from %(day)s"),
            "alert-triangle",
            "attention",
        ),
        "write_off": (_("%(amount)s written off, counted from %(day)s"), "note", ""),
        "recovery": (_("Paid %(amount)s after the write-off, counted from %(day)s"), "receipt", "done"),
        "transfer": (_("%(amount)s moved, counted from %(day)s"), "arrow-right", ""),
        "fee": (_("Fee of %(amount)s from %(day)s"), "coin", ""),
        "interest": (_("Interest of %(amount)s from %(day)s"), "coin", ""),
    }
    if data["entry_kind"] not in texts:
        return None
    if data["entry_kind"] == "write_off" and not data["amount"].startswith("-"):
        return None  # what made it smaller stands beside it
    text, icon, tone = texts[data["entry_kind"]]
    words = {
        "amount": amount_of(data["amount"].removeprefix("-"), data["currency"]),
        "day": day(data["value_date"]),
    }
    if since := data.get("since"):
        text = _("Interest of %(amount)s from %(since)s to %(day)s")
        words["since"] = day(since)
    return Line(icon, text % words, tone)


def _payment_matched(data: Data, _told: Told) -> Line | None:
    return Line("receipt", _("A waiting payment was matched by hand")) if data["how"] == "by_hand" else None


def _mandate_given(data: Data, _told: Told) -> Line:
    words = {"source": label(DebitSource, data["source"])}
    return Line("credit-card-refund", _("Allowed us to draw what is due: %(source)s") % words)


def _mandate_ended(data: Data, _told: Told) -> Line:
    return Line(
        "x", _("Debit mandate: %(reason)s") % {"reason": label(MandateEnd, data["reason"])}, "attention"
    )


def _debit_announced(data: Data, _told: Told) -> Line:
    words = {"amount": amount_of(data["amount"], data["currency"]), "day": day(data["collect_on"])}
    return Line("calendar-event", _("Debit of at most %(amount)s announced for %(day)s") % words)


def _debit_announcement_withdrawn(_data: Data, _told: Told) -> Line:
    return Line("x", _("The announced debit does not come"))


def _debit_paid(data: Data, _told: Told) -> Line:
    words = {"amount": amount_of(data["amount"], data["currency"])}
    return Line("credit-card-refund", _("%(amount)s drawn under the mandate") % words, "done")


def _debit_failed(data: Data, _told: Told) -> Line:
    words = {"amount": amount_of(data["amount"], data["currency"])}
    return Line("alert-triangle", _("%(amount)s could not be drawn") % words, "attention")


def _debit_withdrawn(_data: Data, _told: Told) -> Line:
    return Line("hand-stop", _("A debit was stopped before it left"))


def _debit_uncertain(_data: Data, _told: Told) -> Line:
    return Line("help-circle", _("Nobody knows whether a debit was drawn"), "attention")


SENTENCES: dict[str, tuple[str, Maker]] = {
    "loan.imported": ("money", _loan_imported),
    "ledger.posted": ("money", _ledger_posted),
    "payment.matched": ("money", _payment_matched),
    "mandate.given": ("money", _mandate_given),
    "mandate.ended": ("money", _mandate_ended),
    "debit.announced": ("money", _debit_announced),
    "debit.announcement_withdrawn": ("money", _debit_announcement_withdrawn),
    "debit.paid": ("money", _debit_paid),
    "debit.failed": ("money", _debit_failed),
    "debit.withdrawn": ("money", _debit_withdrawn),
    "debit.uncertain": ("money", _debit_uncertain),
}
