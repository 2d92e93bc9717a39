from django.urls import path

from cases.views import (
    agencies,
    approvals,
    board,
    bureau,
    day,
    deals,
    desk,
    documents,
    doing,
    holds,
    imports,
    law,
    legal,
    mandates,
    offers,
    payments,
    plans,
    provider_files,
    received,
    rolls,
    search,
    states,
    wishes,
    writing,
)

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
    path("cases/<uuid:case_id>/promise/", deals.case_promise, name="case_promise"),
    path("cases/<uuid:case_id>/plan/", deals.case_plan, name="case_plan"),
    path("cases/<uuid:case_id>/affordability/", deals.case_affordability, name="case_affordability"),
    path("cases/<uuid:case_id>/plan/<uuid:plan_id>/", plans.case_plan_shown, name="case_plan_shown"),
    path("cases/<uuid:case_id>/extension/", offers.case_extension, name="case_extension"),
    path("cases/<uuid:case_id>/waiver/", offers.case_waiver, name="case_waiver"),
    path("cases/<uuid:case_id>/settlement/", offers.case_settlement, name="case_settlement"),
    path("cases/<uuid:case_id>/offer/", offers.case_offer_answer, name="case_offer_answer"),
    path("cases/<uuid:case_id>/reason/", offers.case_reason, name="case_reason"),
    path("cases/<uuid:case_id>/payment/", doing.case_payment, name="case_payment"),
    path("cases/<uuid:case_id>/complaint/", doing.case_complaint, name="case_complaint"),
    path("cases/<uuid:case_id>/hold/", doing.case_hold, name="case_hold"),
    path("cases/<uuid:case_id>/hold/end/", holds.case_hold_end, name="case_hold_end"),
    path("cases/<uuid:case_id>/hold/keep/", holds.case_hold_keep, name="case_hold_keep"),
    path("cases/<uuid:case_id>/hold/prove/", holds.case_hold_prove, name="case_hold_prove"),
    path("cases/<uuid:case_id>/wish/", wishes.case_wish, name="case_wish"),
    path("cases/<uuid:case_id>/wish/back/", wishes.case_wish_back, name="case_wish_back"),
    path("cases/<uuid:case_id>/override/", doing.case_override, name="case_override"),
    path("cases/<uuid:case_id>/pass/", doing.case_pass, name="case_pass"),
    path("cases/<uuid:case_id>/end/", doing.case_end, name="case_end"),
    path("cases/<uuid:case_id>/legal/", doing.case_legal, name="case_legal"),
    path("cases/<uuid:case_id>/ask-legal/", doing.case_ask_legal, name="case_ask_legal"),
    path("cases/<uuid:case_id>/law/", law.case_law, name="case_law"),
    path("cases/<uuid:case_id>/law/period/", law.case_limitation, name="case_limitation"),
    path("cases/<uuid:case_id>/law/step/", law.case_step, name="case_step"),
    path("cases/<uuid:case_id>/law/step/<uuid:step_id>/back/", law.case_step_back, name="case_step_back"),
    path("cases/<uuid:case_id>/write/", writing.case_write, name="case_write"),
    path("cases/<uuid:case_id>/note/", doing.case_note, name="case_note"),
    path("cases/<uuid:case_id>/script/", doing.case_script, name="case_script"),
    path("cases/<uuid:case_id>/leave/", doing.case_leave, name="case_leave"),
]
document_urls = [  # cases/<id>/documents/
    path("cases/<uuid:case_id>/documents/", documents.case_documents, name="case_documents"),
    path("cases/<uuid:case_id>/documents/add/", documents.case_document_add, name="case_document_add"),
    path("cases/<uuid:case_id>/documents/make/", documents.case_paper, name="case_paper"),
    path("cases/<uuid:case_id>/documents/<uuid:document_id>/", documents.case_document, name="case_document"),
    path(
        "cases/<uuid:case_id>/documents/<uuid:document_id>/open/",
        documents.case_document_open,
        name="case_document_open",
    ),
    path(
        "cases/<uuid:case_id>/documents/<uuid:document_id>/content/",
        documents.case_document_content,
        name="case_document_content",
    ),
]
oversight_urls = [
    path("approvals/", approvals.approvals, name="approvals"),
    path("approvals/<uuid:approval_id>/answer/", approvals.approval_answer, name="approval_answer"),
    path("board/", board.board, name="board"),
    path("board/rolls/", rolls.rolls, name="board_rolls"),
    path("days/", day.days, name="days"),
    path("days/<str:on>/", day.day, name="day"),
    path("legal/", legal.legal_cases, name="legal_cases"),
    path("legal/questions/<uuid:question_id>/answer/", law.question_answer, name="question_answer"),
    path("help/states/", states.states, name="states"),
    path("search/", search.search, name="search"),
]
money_urls = [  # imports/ and payments/
    path("imports/", imports.imports, name="imports"),
    path("imports/new/<str:kind>/", imports.import_new, name="import_new"),
    path("imports/<uuid:run_id>/", imports.import_run, name="import_run"),
    path("imports/<uuid:run_id>/confirm/", imports.import_confirm, name="import_confirm"),
    path("imports/<uuid:run_id>/rejected/", imports.import_rejected, name="import_rejected"),
    path("settlement-files/", provider_files.provider_files, name="provider_files"),
    path("settlement-files/<uuid:run_id>/", provider_files.provider_file, name="provider_file"),
    path("settlement-files/lines/<uuid:line_id>/", provider_files.provider_line, name="provider_line"),
    path("cases/<uuid:case_id>/payments/", received.case_received, name="case_received"),
    path(
        "cases/<uuid:case_id>/payments/<uuid:payment_id>/back/",
        received.case_received_back,
        name="case_received_back",
    ),
    path("cases/<uuid:case_id>/credit/", received.case_credit, name="case_credit"),
    path("payments/unmatched/", payments.payments_unmatched, name="payments_unmatched"),
    path("payments/<uuid:payment_id>/match/", payments.payment_match, name="payment_match"),
]
debit_urls = [  # mandates and debits/
    path("cases/<uuid:case_id>/mandates/", mandates.mandates, name="mandates"),
    path("cases/<uuid:case_id>/mandates/give/", mandates.mandate_give, name="mandate_give"),
    path("cases/<uuid:case_id>/mandates/<uuid:mandate_id>/end/", mandates.mandate_end, name="mandate_end"),
    path("cases/<uuid:case_id>/debits/announce/", mandates.debit_announce, name="debit_announce"),
    path(
        "cases/<uuid:case_id>/debits/<uuid:notice_id>/withdraw/",
        mandates.debit_withdraw,
        name="debit_withdraw",
    ),
    path("debits/", mandates.debits, name="debits"),
    path("debits/<uuid:debit_id>/settle/", mandates.debit_settle, name="debit_settle"),
]
bureau_urls = [  # bureau/ and the credit record of a case
    path("bureau/", bureau.bureau, name="bureau"),
    path("bureau/<slug:code>/reporting/", bureau.bureau_reporting, name="bureau_reporting"),
    path("bureau/<slug:code>/notices/", bureau.bureau_notices, name="bureau_notices"),
    path("bureau/<slug:code>/furnish/", bureau.bureau_furnish, name="bureau_furnish"),
    path("bureau/files/<uuid:file_id>/", bureau.bureau_file, name="bureau_file"),
    path("bureau/lines/<uuid:line_id>/", bureau.bureau_line, name="bureau_line"),
    path(
        "bureau/disputes/<uuid:dispute_id>/answer/",
        bureau.credit_dispute_answer,
        name="credit_dispute_answer",
    ),
    path("cases/<uuid:case_id>/credit-record/", bureau.credit_record, name="credit_record"),
    path("cases/<uuid:case_id>/credit-record/dispute/", bureau.credit_dispute, name="credit_dispute"),
]
agency_urls = [  # agencies/: the list itself is for everybody, without signing in
    path("agencies/", agencies.agencies, name="agencies"),
    path("agencies/board/", agencies.agency_board, name="agency_board"),
    path("agencies/<uuid:agency_ref>/", agencies.agency, name="agency"),
    path("agencies/<uuid:agency_ref>/place/", agencies.agency_place, name="agency_place"),
    path("agencies/<uuid:agency_ref>/recall/", agencies.agency_recall, name="agency_recall"),
    path("agencies/<uuid:agency_ref>/commission/", agencies.agency_commission, name="agency_commission"),
    path("agencies/<uuid:agency_ref>/bar/", agencies.agency_bar, name="agency_bar"),
    path("agencies/<uuid:agency_ref>/lift/", agencies.agency_lift, name="agency_lift"),
    path("agencies/<uuid:agency_ref>/lift-stop/", agencies.agency_lift_stop, name="agency_lift_stop"),
    path("agencies/<uuid:agency_ref>/evaluate/", agencies.agency_evaluate, name="agency_evaluate"),
]
urlpatterns = (
    desk_urls
    + deed_urls
    + document_urls
    + oversight_urls
    + money_urls
    + debit_urls
    + bureau_urls
    + agency_urls
)
