"""A provider's settlement file beside our books: every line compared, every booking of ours in its days beside it, nothing
booked. What differs is answered by people.

A line is compared with the payment of its reference, else with what a tape told of that reference; one that takes a payment
back with the reversal or chargeback of it. Two files with the same lines give the same, as long as the books do.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from accounts.actions.imports import Outcome, chunks
from accounts.models import Compared, Explained, Portfolio, ProviderAnswer, ProviderLine
from accounts.money import decimal_text
from accounts.tapes.records import CleanPayment, Refused
from compliance.audit import Actor, Stream, record

SAID_BY_PEOPLE = (
    Explained.NEXT_FILE,
    Explained.THEIR_MISTAKE,
    Explained.OUR_MISTAKE,
    Explained.OTHER_WAY,
)
"""What a person finds out; the others are said by what was done."""


class ProviderLineRefused(Exception):
    """Nothing was done about the line. `code`: `answered`, `equal`, `no_loan`, `not_theirs`; the text is a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


THEIRS = """
CREATE TEMPORARY TABLE provider_theirs (
    id uuid, rows integer[], reference text, takes_back boolean, amount bigint, day date, loan_hint text
) ON COMMIT DROP
"""
# One booking of ours for each reference of a payment that stands in the file, and all others of its days.
COMPARE = """
WITH days AS (SELECT min(day) AS since, max(day) AS until FROM provider_theirs),
paid AS MATERIALIZED (
    SELECT p.reference, p.amount, p.value_date AS day, p.id AS payment_id, NULL::uuid AS entry_id,
        p.state = 'unmatched' AS waits
    FROM accounts_payment p, days
    WHERE p.portfolio_id = %(portfolio)s AND (
        p.value_date BETWEEN since AND until OR p.reference IN (SELECT reference FROM provider_theirs WHERE NOT takes_back)
    )
    UNION ALL
    SELECT e.reference, -e.amount, e.value_date, NULL, e.id, false
    FROM accounts_ledgerentry e JOIN accounts_loan l ON l.id = e.loan_id, days
    WHERE l.portfolio_id = %(portfolio)s AND e.kind IN ('repayment', 'recovery') AND e.amount < 0
        AND (e.value_date BETWEEN since AND until
            OR e.reference IN (SELECT reference FROM provider_theirs WHERE NOT takes_back))
        AND NOT EXISTS (
            SELECT FROM accounts_payment p WHERE p.portfolio_id = l.portfolio_id AND p.reference = e.reference
        )
),
back AS MATERIALIZED (
    SELECT e.reference, e.amount, e.day, NULL::uuid AS payment_id, e.id AS entry_id
    FROM (
        SELECT e.id, e.reference, e.amount, CASE e.kind
            WHEN 'reversal' THEN (e.booked_at AT TIME ZONE %(zone)s)::date ELSE e.value_date END AS day
        FROM accounts_ledgerentry e JOIN accounts_loan l ON l.id = e.loan_id
        WHERE l.portfolio_id = %(portfolio)s AND e.kind IN ('reversal', 'chargeback') AND e.amount > 0
    ) AS e, days
    WHERE e.day BETWEEN since AND until OR e.reference IN (SELECT reference FROM provider_theirs WHERE takes_back)
),
ours AS (
    SELECT *, false AS takes_back FROM paid
    UNION ALL SELECT reference, amount, day, payment_id, entry_id, false, true FROM back
),
numbered AS MATERIALIZED (
    SELECT *, row_number() OVER (PARTITION BY takes_back, reference ORDER BY payment_id, entry_id) AS place FROM ours
),
told AS MATERIALIZED (
    SELECT *, row_number() OVER (PARTITION BY takes_back, reference ORDER BY rows) AS place FROM provider_theirs
)
INSERT INTO accounts_providerline (
    id, run_id, rows, reference, takes_back, amount, day, loan_hint, our_amount, our_day, payment_id, entry_id, result
)
SELECT COALESCE(t.id, gen_random_uuid()), %(run)s, COALESCE(t.rows, '{}'), COALESCE(t.reference, o.reference),
    COALESCE(t.takes_back, o.takes_back), t.amount, t.day, COALESCE(t.loan_hint, ''), o.amount, o.day, o.payment_id,
    o.entry_id,
    CASE
        WHEN o.amount IS NULL THEN CASE WHEN t.takes_back THEN 'stands' ELSE 'theirs' END
        WHEN t.amount IS NULL THEN CASE WHEN o.takes_back THEN 'taken_back' ELSE 'ours' END
        WHEN t.amount <> o.amount THEN 'amount'
        WHEN t.takes_back THEN 'equal'
        WHEN t.day <> o.day THEN 'day'
        WHEN o.waits THEN 'waiting'
        ELSE 'equal'
    END
FROM told t FULL JOIN numbered o
    ON o.reference = t.reference AND o.takes_back = t.takes_back AND o.place = t.place
"""
FIGURES = """
SELECT result, count(*), COALESCE(sum(amount), 0)::bigint, COALESCE(sum(our_amount), 0)::bigint
FROM accounts_providerline WHERE run_id = %s GROUP BY result
"""


@transaction.atomic
def write_provider_file(
    records: Iterable[CleanPayment | Refused],
    *,
    portfolio: Portfolio,
    run: UUID,
    by: Actor,
    at: datetime,
    progress: Callable[[int], None] = lambda rows: None,
) -> Outcome:
    """Compare a file of the portfolio's provider. In the outcome `unchanged` are the lines that say what we say, `created`
    all others and the bookings that are only ours; `changes` counts them by result."""
    outcome = Outcome()
    with connection.cursor() as cursor:
        cursor.execute(THEIRS)
        for chunk in chunks(records):
            with cursor.copy("COPY provider_theirs FROM STDIN") as copy:
                for each in chunk:
                    outcome.rows += len(each.rows)
                    if isinstance(each, Refused):
                        outcome.refuse(each)
                    else:
                        copy.write_row(_line(each))
            progress(outcome.rows)
        cursor.execute("ANALYZE provider_theirs")
        cursor.execute(COMPARE, {"portfolio": portfolio.pk, "zone": portfolio.zone, "run": run})
        cursor.execute("DROP TABLE provider_theirs")
    for result, count, _theirs, _ours in figures_of(run):
        outcome.changes[result] = count
    outcome.unchanged = outcome.changes[Compared.EQUAL]
    outcome.created = outcome.changes.total() - outcome.unchanged
    record(
        "provider_file.compared", stream=Stream.run(run), by=by, at=at, run=run, portfolio=portfolio.ref,
        rows=outcome.rows, equal=outcome.unchanged, differences=outcome.created, rejected=outcome.rejected,
    )  # fmt: skip
    return outcome


def _line(line: CleanPayment) -> tuple[Any, ...]:
    """A line that takes a payment back is compared by the reference of that payment."""
    takes_back = line.kind == "reversal"
    reference = line.reverses if takes_back else line.reference
    hint = (line.loan_external_id or "")[:80]
    return uuid7(), list(line.rows), reference, takes_back, line.amount, line.value_date, hint


def figures_of(run: UUID) -> list[tuple[str, int, int, int]]:
    """By result: how many, the sum of what the provider says and of what we say, in minor units."""
    with connection.cursor() as cursor:
        cursor.execute(FIGURES, [run])
        return cursor.fetchall()


@transaction.atomic
def answer_line(*, line: ProviderLine, what: str, by: Actor, at: datetime) -> ProviderAnswer:
    """Say what a difference comes from (`SAID_BY_PEOPLE`), or what was done about it. The same again changes nothing. Raises
    `ProviderLineRefused` (answered, equal), `PermissionDenied`."""
    if not by.may("accounts.answer_provider_line"):
        raise PermissionDenied(_("Answering for a provider's file is not part of this role."))
    what = Explained(what)
    if line.result == Compared.EQUAL:
        raise ProviderLineRefused("equal", _("This line says what our books say."))
    # The first of two gets the line; the other waits here, and finds its answer.
    ProviderAnswer.objects.bulk_create(
        [ProviderAnswer(line=line, what=what, answered_by=by.ref, answered_at=at)], ignore_conflicts=True
    )
    answer = ProviderAnswer.objects.get(line=line)
    if (answer.what, answer.answered_by, answer.answered_at) != (what, by.ref, at):
        if answer.what == what:
            return answer
        raise ProviderLineRefused("answered", _("Somebody has answered this difference already."))
    currency, amount = line.run.portfolio.currency, line.amount or line.our_amount or 0
    record(
        "provider_file.answered", stream=Stream.run(line.run_id), by=by, at=at, run=line.run_id, line=line.pk,
        result=line.result, what=str(what), currency=currency,
        amount=decimal_text(amount, currency),
    )  # fmt: skip
    return answer
