"""The preview of a kept file through django-import-export: its results, row by row, from our one cleaning code.

What is written after the confirmation is written by `accounts.actions.tapes.perform`, as on the command line.
"""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from import_export import resources
from import_export.instance_loaders import BaseInstanceLoader
from import_export.results import RowResult
from tablib import Dataset

from accounts.actions.histories import locate
from accounts.actions.imports import changed_parts, tape_digest
from accounts.actions.tapes import Cleaner, sentence
from accounts.models import HISTORIES, ImportKind, ImportRun, Loan, Payment
from accounts.tapes.read import Tape
from accounts.tapes.records import CleanLoan, CleanPayment, CleanRecord, Refused

ROW = "#"  # the row's number in the file, as a spreadsheet counts


class TapeResource(resources.Resource):
    """Every row of a file becomes new, update, skip (nothing changed) or invalid, with its reasons by column."""

    class Meta:
        report_skipped = True
        use_transactions = False  # a preview writes nothing
        # What is known is looked up for the whole file at once, below.
        instance_loader_class = BaseInstanceLoader
        import_id_fields = ()

    def __init__(self, run: ImportRun, tape: Tape, cleaning: Cleaner) -> None:
        super().__init__()
        self.run, self.tape, self.cleaning = run, tape, cleaning
        self.fates: dict[int, RowResult] = {}

    def dataset(self) -> Dataset:
        """The file's rows as import-export takes them. Cells stay with the cleaner; only numbers are handed on."""
        self.cleaning.prepare(self.tape)
        return Dataset(*((row.number,) for row in self.tape.rows()), headers=[ROW])

    def before_import(self, dataset: Dataset, **kwargs: Any) -> None:
        # What is wrong with a row may depend on another one, so the whole file is cleaned first.
        records = list(self.cleaning.run(self.tape))
        if self.run.kind in HISTORIES:
            self._judge_history([each for each in records if isinstance(each, CleanRecord)])
            records = [each for each in records if isinstance(each, Refused)]
        known = self._known([each for each in records if isinstance(each, CleanLoan | CleanPayment)])
        for each in records:
            if isinstance(each, Refused):
                self._refuse(each)
            elif isinstance(each, CleanLoan | CleanPayment):
                self.fates.update((number, self._fate(each, known)) for number in each.rows)

    def import_row(self, row: dict[str, Any], instance_loader: Any, **kwargs: Any) -> RowResult:
        return self.fates.get(row[ROW]) or _result(RowResult.IMPORT_TYPE_SKIP)

    def after_import(self, dataset: Dataset, result: Any, **kwargs: Any) -> None:
        # People look for the row in their file, where the header and blank rows count.
        for row in result.invalid_rows:
            row.number = dataset[row.number - 1][0]

    def _known(self, records: Sequence[CleanLoan | CleanPayment]) -> dict[str, Any]:
        if self.run.kind == ImportKind.LOANS:
            ids = [each.external_id for each in records if isinstance(each, CleanLoan)]
            loans = Loan.objects.filter(portfolio=self.run.portfolio, external_id__in=ids)
            return dict(loans.values_list("external_id", "tape_digest"))
        references = [each.reference for each in records if isinstance(each, CleanPayment)]
        payments = Payment.objects.filter(portfolio=self.run.portfolio, reference__in=references)
        return dict(payments.values_list("reference", "pk"))

    def _judge_history(self, records: Sequence[CleanRecord]) -> None:
        found = locate(records, self.run.portfolio)
        for each in found.refused:
            self._refuse(each)
        for fate, fated in (
            (RowResult.IMPORT_TYPE_SKIP, found.known),
            (RowResult.IMPORT_TYPE_NEW, [each.record for each in found.located]),
        ):
            self.fates.update((number, _result(fate)) for record in fated for number in record.rows)

    def _fate(self, record: CleanLoan | CleanPayment, known: dict[str, Any]) -> RowResult:
        if isinstance(record, CleanPayment):
            seen = record.reference in known
            return _result(RowResult.IMPORT_TYPE_SKIP if seen else RowResult.IMPORT_TYPE_NEW)
        before = known.get(record.external_id)
        if before is None:
            return _result(RowResult.IMPORT_TYPE_NEW)
        parts = changed_parts(before, tape_digest(record))
        result = _result(RowResult.IMPORT_TYPE_UPDATE if parts else RowResult.IMPORT_TYPE_SKIP)
        result.diff = parts
        return result

    def _refuse(self, refused: Refused) -> None:
        for number in refused.rows:
            reasons: dict[str, Any] = {}
            for reason in refused.reasons:
                if reason.row_number == number or len(refused.reasons) == 1:
                    reasons.setdefault(reason.column or NON_FIELD_ERRORS, []).append(sentence(reason))
            result = _result(RowResult.IMPORT_TYPE_INVALID)
            result.validation_error = ValidationError(
                reasons or {NON_FIELD_ERRORS: [sentence(refused.reasons[0])]}
            )
            self.fates[number] = result


def _result(import_type: str) -> RowResult:
    result = RowResult()
    result.import_type = import_type
    return result
