-- What was in force on a day never changes afterwards.
CALL forbear_append_only('accounts_terms');

-- The terms each portfolio had, from its first day on.
INSERT INTO accounts_terms (
    portfolio_id, from_on, day_count, rounding, grace_days, late_rate, late_fee, authority, promise_grace_days, promises_at_once,
    plan_breaks_at, plan_most_days, extension_most_times, settlement_after_days, settlement_within_days, offer_valid_days,
    legal_after_days, placement_after_days
)
SELECT id, '2000-01-01', 'act/365', 'half_up', 0, 0, 0, jsonb_build_object(
        'agent', jsonb_build_object(
            'promise_days', promise_within_days, 'plan_instalments', plan_max_instalments, 'extension_days', 14),
        'supervisor', jsonb_build_object(
            'promise_days', GREATEST(60, promise_within_days), 'plan_instalments', GREATEST(24, plan_max_instalments),
            'extension_days', 30, 'waive_fees', 10000, 'waive_interest', 10000, 'waive_principal', 0, 'settlement_percent', 30)
    ), 1, 4, 2, 730, 2, 60, 30, 14, legal_after_days, 60
FROM accounts_portfolio;
