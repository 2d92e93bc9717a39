CALL forbear_append_only('accounts_ledgerentry');
CALL forbear_append_only('accounts_relatedpersonrefusal');

-- An entry's borrower is its loan's borrower.
ALTER TABLE accounts_ledgerentry ADD CONSTRAINT ledger_entry_of_borrower FOREIGN KEY (borrower_id, loan_id)
    REFERENCES accounts_loan (borrower_id, id);

-- The app takes nobody and nothing away (a key goes with an erasure, a schedule with a new one), and rewrites no schedule.
-- What a role may do stands in the code, so it writes none of Django's own tables about it.
REVOKE DELETE ON accounts_borrower, accounts_contactpoint, accounts_importrun, accounts_legalentity, accounts_loan,
    accounts_portfolio, accounts_relatedperson, accounts_user FROM forbear_app;
REVOKE UPDATE ON accounts_instalment, accounts_paymentcandidate, accounts_team_portfolios FROM forbear_app;
REVOKE INSERT, UPDATE, DELETE ON auth_group, auth_group_permissions, auth_permission, django_content_type FROM forbear_app;

-- A received payment may find its loan once; nothing else about it ever changes.
REVOKE DELETE ON accounts_payment FROM forbear_app;
CREATE FUNCTION payment_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR OLD.state <> 'unmatched'
        OR to_jsonb(NEW) - '{state,loan_id}'::text[] IS DISTINCT FROM to_jsonb(OLD) - '{state,loan_id}'::text[]
    THEN
        RAISE EXCEPTION 'A payment is never changed or removed; it can only find its loan.'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payment_freeze BEFORE UPDATE OR DELETE ON accounts_payment FOR EACH ROW EXECUTE FUNCTION payment_freeze();
ALTER TABLE accounts_payment ENABLE ALWAYS TRIGGER payment_freeze;

-- Finds a loan by its id as people mistype it: case, spaces and leading zeros aside (`accounts/actions/payments.py`).
CREATE INDEX loan_by_hint ON accounts_loan
    (portfolio_id, ltrim(upper(regexp_replace(external_id, '\s', '', 'g')), '0'));
