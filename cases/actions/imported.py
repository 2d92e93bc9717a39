"""Promises that were open before us, from a lender's file: kept on the open case of their loan, decided by the daily run."""

from collections.abc import Iterable, Sequence
from functools import partial
from uuid import UUID

from uuid_utils.compat import uuid7

from accounts.actions.histories import Batch, Located, Made, write_history
from accounts.copying import copy_in
from accounts.money import decimal_text
from accounts.tapes.codes import Code
from cases.models import Case, Promise, PromiseState
from compliance.audit import Stream, record_many


def _keep_promises(chunk: Sequence[Located], batch: Batch) -> Iterable[Made]:
    """One open promise a case: a second one for the same loan is refused, also where we have one ourselves."""
    cases = _open_cases(chunk)
    taken = set(
        Promise.objects.filter(case__in=cases.values(), state=PromiseState.OPEN).values_list(
            "case", flat=True
        )
    )
    kept: list[tuple[Located, Promise]] = []
    for each in chunk:
        case = cases.get(each.loan)
        if case is None:
            batch.refuse(each, Code.NO_OPEN_CASE)
        elif case.pk in taken:
            batch.refuse(each, Code.PROMISED_ALREADY)
        else:
            taken.add(case.pk)
            kept.append((each, _promise(each, case, batch)))
    copy_in(Promise, (promise for _each, promise in kept))
    _record(kept, batch)
    return [Made(each, promise.pk, promise.made_on, promise.amount) for each, promise in kept]


def _open_cases(chunk: Sequence[Located]) -> dict[UUID | None, Case]:
    """The open case of each loan, locked in one order, as everybody does who changes agreements."""
    loans = [each.loan for each in chunk if each.loan]
    cases = Case.objects.open().filter(loan__in=loans).order_by("pk").select_for_update(no_key=True)
    return {case.loan_id: case for case in cases}


def _promise(each: Located, case: Case, batch: Batch) -> Promise:
    made_at = each.of["made_at"]
    return Promise(
        id=uuid7(),
        case=case,
        amount=each.of["amount"],
        due_on=each.of["due_on"],
        channel=each.of["channel"],
        made_at=made_at,
        made_on=batch.portfolio.business_date(made_at),
        actor=batch.by.ref,
    )


def _record(kept: Sequence[tuple[Located, Promise]], batch: Batch) -> None:
    currency = batch.portfolio.currency
    facts = [
        {
            "case": promise.case_id,
            "borrower": each.borrower,
            "promise": promise.pk,
            "currency": currency,
            "amount": decimal_text(promise.amount, currency),
            "due_on": promise.due_on,
            "channel": promise.channel,
        }
        for each, promise in kept
    ]
    record_many(
        "promise.recorded",
        stream=Stream.run(batch.run),
        by=batch.by,
        at=batch.at,
        rows=facts,
        count=len(facts),
    )


write_promises = partial(write_history, keep=_keep_promises)
