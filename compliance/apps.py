from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ComplianceConfig(AppConfig):
    name = "compliance"
    verbose_name = _("Compliance")

    def ready(self) -> None:
        # Models and what rests on them can be imported only now.
        from accounts.actions.tapes import write_with
        from accounts.models import ImportKind
        from compliance import checks  # noqa: F401 - registers itself
        from compliance.actions import imported, reported

        write_with(ImportKind.HOLDS, imported.write_holds)
        write_with(ImportKind.OPT_OUTS, imported.write_opt_outs)
        write_with(ImportKind.CONSENTS, imported.write_consents)
        write_with(ImportKind.COMPLAINTS, imported.write_complaints)
        write_with(ImportKind.ATTEMPTS, reported.write_attempts)
