from django.urls import path

from cases.views import approvals, board, desk, doing, imports, legal, offers, payments, search, wishes

desk_urls = [  # queue/ and cases/
    path("queue/", desk.queue, name="queue"),
    path("queue/next/", desk.queue_next, name="queue_next"),
    path("cases/<uuid:case_id>/", desk.case, name="case"),
    path("cases/<uuid:case_id>/strip/", desk.case_strip, name="case_strip"),
    path("cases/<uuid:case_id>/who/", desk.case_who, name="case_who"),
]
deed_urls = [  # cases/<id>/: what is done with a case
    path("cases/<uuid:case_id>/unseal/", doing.case_unseal, name="case_unseal"),
    path("cases/<uuid:case_id>/dial/", doing.case_dial, name="case_dial"),
    path("cases/<uuid:case_id>/call/", doing.case_call, name="case_call"),
    path("cases/<uuid:case_id>/promise/", doing.case_promise, name="case_promise"),
    path("cases/<uuid:case_id>/plan/", doing.case_plan, name="case_plan"),
    path("cases/<uuid:case_id>/extension/", offers.case_extension, name="case_extension"),
    path("cases/<uuid:case_id>/waiver/", offers.case_waiver, name="case_waiver"),
    path("cases/<uuid:case_id>/settlement/", offers.case_settlement, name="case_settlement"),
    path("cases/<uuid:case_id>/offer/", offers.case_offer_answer, name="case_offer_answer"),
    path("cases/<uuid:case_id>/reason/", offers.case_reason, name="case_reason"),
    path("cases/<uuid:case_id>/payment/", doing.case_payment, name="case_payment"),
    path("cases/<uuid:case_id>/complaint/", doing.case_complaint, name="case_complaint"),
    path("cases/<uuid:case_id>/hold/", doing.case_hold, name="case_hold"),
    path("cases/<uuid:case_id>/wish/", wishes.case_wish, name="case_wish"),
    path("cases/<uuid:case_id>/wish/back/", wishes.case_wish_back, name="case_wish_back"),
    path("cases/<uuid:case_id>/override/", doing.case_override, name="case_override"),
    path("cases/<uuid:case_id>/pass/", doing.case_pass, name="case_pass"),
    path("cases/<uuid:case_id>/end/", doing.case_end, name="case_end"),
    path("cases/<uuid:case_id>/legal/", doing.case_legal, name="case_legal"),
    path("cases/<uuid:case_id>/note/", doing.case_note, name="case_note"),
    path("cases/<uuid:case_id>/script/", doing.case_script, name="case_script"),
    path("cases/<uuid:case_id>/leave/", doing.case_leave, name="case_leave"),
]
oversight_urls = [
    path("approvals/", approvals.approvals, name="approvals"),
    path("approvals/<uuid:approval_id>/answer/", approvals.approval_answer, name="approval_answer"),
    path("board/", board.board, name="board"),
    path("legal/", legal.legal_cases, name="legal_cases"),
    path("search/", search.search, name="search"),
]
money_urls = [  # imports/ and payments/
    path("imports/", imports.imports, name="imports"),
    path("imports/new/<str:kind>/", imports.import_new, name="import_new"),
    path("imports/<uuid:run_id>/", imports.import_run, name="import_run"),
    path("imports/<uuid:run_id>/confirm/", imports.import_confirm, name="import_confirm"),
    path("imports/<uuid:run_id>/rejected/", imports.import_rejected, name="import_rejected"),
    path("payments/unmatched/", payments.payments_unmatched, name="payments_unmatched"),
    path("payments/<uuid:payment_id>/match/", payments.payment_match, name="payment_match"),
]
urlpatterns = desk_urls + deed_urls + oversight_urls + money_urls
