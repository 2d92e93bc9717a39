from django.urls import path

from compliance.views import audit, complaints, findings, portfolios

complaint_urls = [  # complaints/
    path("complaints/", complaints.complaints, name="complaints"),
    path("complaints/<uuid:complaint_id>/", complaints.complaint, name="complaint"),
    path("complaints/<uuid:complaint_id>/words/", complaints.complaint_words, name="complaint_words"),
    path("complaints/<uuid:complaint_id>/take/", complaints.complaint_take, name="complaint_take"),
    path("complaints/<uuid:complaint_id>/decide/", complaints.complaint_decide, name="complaint_decide"),
]
audit_urls = [  # audit/
    path("audit/", audit.audit, name="audit"),
    path("audit/export/", audit.audit_export, name="audit_export"),
]
portfolio_urls = [  # portfolios/
    path("portfolios/", portfolios.portfolios, name="portfolios"),
    path("portfolios/<slug:code>/contact/", portfolios.portfolio_contact, name="portfolio_contact"),
    path(
        "portfolios/<slug:code>/reconciliation/",
        portfolios.portfolio_reconciliation,
        name="portfolio_reconciliation",
    ),
]
finding_urls = [  # findings/
    path("findings/", findings.findings, name="findings"),
    path("findings/<uuid:finding_id>/", findings.finding, name="finding"),
]
urlpatterns = complaint_urls + audit_urls + portfolio_urls + finding_urls
