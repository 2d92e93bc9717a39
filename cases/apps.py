from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CasesConfig(AppConfig):
    name = "cases"
    verbose_name = _("Cases")

    def ready(self) -> None:
        # Models and what rests on them can be imported only now.
        from accounts.actions.tapes import write_with
        from accounts.models import ImportKind
        from cases.actions.imported import write_promises
        from cases.dispositions import LABELS
        from cases.models import CaseState, WorkKind
        from cases.reasons import ArrearsReason
        from compliance.audit_words import know

        know("disposition", LABELS)
        know("kind", dict(WorkKind.choices))
        know("reason", dict(ArrearsReason.choices))
        know("source", dict(CaseState.choices))
        know("target", dict(CaseState.choices))
        write_with(ImportKind.PROMISES, write_promises)
