from django.urls import path

from compliance.views import audit, complaints, decisions, overrides, packs, portfolios, what_ifs

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
override_urls = [  # overrides/
    path("overrides/", overrides.overrides, name="overrides"),
    path("overrides/<uuid:override_id>/answer/", overrides.override_answer, name="override_answer"),
]
pack_urls = [  # packs/
    path("packs/", packs.packs, name="packs"),
    path("packs/set-aside/", packs.set_aside_propose, name="set_aside_propose"),
    path("packs/set-aside/<uuid:set_aside_id>/approve/", packs.set_aside_approve, name="set_aside_approve"),
    path("packs/set-aside/<uuid:set_aside_id>/end/", packs.set_aside_end, name="set_aside_end"),
    path("packs/try/", what_ifs.what_ifs, name="what_ifs"),
    path("packs/try/<uuid:what_if_id>/", what_ifs.what_if, name="what_if"),
    path("packs/try/<uuid:what_if_id>/csv/", what_ifs.what_if_csv, name="what_if_csv"),
    path("packs/<slug:digest>/", packs.pack, name="pack"),
    path("packs/<slug:digest>/sign/", packs.pack_sign, name="pack_sign"),
    path("packs/<slug:before>/compare/<slug:after>/", packs.pack_compare, name="pack_compare"),
]
decision_urls = [  # decisions/
    path("decisions/", decisions.decisions, name="decisions"),
    path("decisions/<uuid:decision_id>/", decisions.decision, name="decision"),
    path("decisions/<uuid:decision_id>/replay/", decisions.decision_replay, name="decision_replay"),
]
urlpatterns = complaint_urls + audit_urls + portfolio_urls + override_urls + pack_urls + decision_urls
