-- The order in which entries were booked, given by the database: whoever books holds the loan, so of one loan the numbers
-- follow each other as the bookings did, whatever moments they were told. Rows of before are numbered as they lie.
CREATE SEQUENCE accounts_ledgerentry_number;
ALTER TABLE accounts_ledgerentry ADD COLUMN number bigint NOT NULL DEFAULT nextval('accounts_ledgerentry_number');
ALTER TABLE accounts_ledgerentry ALTER COLUMN number SET DEFAULT 0;
CREATE FUNCTION entry_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.number := nextval('public.accounts_ledgerentry_number');
    RETURN NEW;
END $$;
CREATE TRIGGER entry_number BEFORE INSERT ON accounts_ledgerentry FOR EACH ROW EXECUTE FUNCTION entry_number();
ALTER TABLE accounts_ledgerentry ENABLE ALWAYS TRIGGER entry_number;

-- Money that came in, and what was taken back of it, each beside the payment it belongs to. Whoever sums what came reads
-- this, and no list of kinds of his own. A waiver that was taken back is no money.
CREATE VIEW accounts_receipt WITH (security_invoker = true) AS
SELECT e.id, e.loan_id, e.number, e.kind, e.reference, e.booked_at, e.value_date, -e.amount AS amount,
    paid.number AS paid_number, paid.value_date AS paid_on
FROM accounts_ledgerentry paid
JOIN accounts_ledgerentry e ON e.loan_id = paid.loan_id
    AND (e.id = paid.id OR e.reference = paid.reference AND e.kind IN ('reversal', 'chargeback'))
WHERE paid.kind IN ('repayment', 'recovery');
REVOKE ALL ON accounts_receipt FROM forbear_app;
GRANT SELECT ON accounts_receipt TO forbear_app;
