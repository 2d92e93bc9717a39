from django.urls import path

from compliance.views import audit, complaints, portfolios

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
]
urlpatterns = complaint_urls + audit_urls + portfolio_urls
