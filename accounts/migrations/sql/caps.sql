CALL forbear_append_only('accounts_chargecap');

-- Charges for being late keep to the caps of the law and of the portfolio's terms, by whatever path they come; where nobody
-- has stored what the law says, nothing is charged. What may be charged on a day is worked out in `accounts/accrual.py`; this
-- holds what no day, no order of payments and no rounding can exceed: the fee, all charges together, and the interest of the
-- whole principal for every day since the first instalment fell due (three days more, for months of thirty days).
CREATE FUNCTION late_charge_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    loan record;
    cap record;
    terms record;
    booked record;
    due record;
    more bigint := NEW.fees + NEW.interest + NEW.principal;  -- the sum of an entry is there only once it is written
BEGIN
    SELECT l.portfolio_id, o.principal, o.amount AS opening INTO loan
    FROM accounts_loan l JOIN accounts_ledgerentry o ON o.loan_id = l.id AND o.kind = 'opening' WHERE l.id = NEW.loan_id;
    SELECT min(due_on) AS first, count(*) FILTER (WHERE due_on < NEW.value_date) AS late,
        max(amount) FILTER (WHERE NEW.reference = 'late_fee:' || number) AS instalment
    INTO due FROM accounts_instalment WHERE loan_id = NEW.loan_id;
    SELECT count(*) AS known, min(COALESCE(after_days, 0)) AS after_days,
        CASE WHEN bool_and(fee IS NOT NULL) THEN max(fee) END AS fee,
        CASE WHEN bool_and(fee_percent IS NOT NULL) THEN max(fee_percent) END AS fee_percent,
        CASE WHEN bool_and(year_percent IS NOT NULL) THEN
            sum(year_percent * greatest(until - greatest(from_on, due.first), 0)) + 3 * max(year_percent)
        END AS percent_days,
        (array_agg(charges_percent ORDER BY from_on DESC))[1] AS charges_percent
    INTO cap FROM (
        SELECT *, lead(from_on, 1, NEW.value_date + 1) OVER (ORDER BY from_on) AS until FROM (
            SELECT DISTINCT ON (from_on) * FROM accounts_chargecap
            WHERE portfolio_id = loan.portfolio_id AND from_on <= NEW.value_date ORDER BY from_on, id DESC
        ) AS newest
    ) AS spans WHERE until > due.first;
    SELECT max(late_fee) AS fee,
        (array_agg(late_fee_most ORDER BY from_on DESC, id DESC))[1] AS fees_most,
        (array_agg(charges_most_percent ORDER BY from_on DESC, id DESC))[1] AS most_percent
    INTO terms FROM accounts_terms WHERE portfolio_id = loan.portfolio_id AND from_on <= NEW.value_date;
    SELECT COALESCE(sum(amount) FILTER (WHERE kind = 'fee'), 0) AS fees,
        COALESCE(sum(amount), 0) AS net,
        COALESCE(sum(amount) FILTER (WHERE kind = 'waiver'), 0) AS back
    INTO booked FROM accounts_ledgerentry
    WHERE loan_id = NEW.loan_id AND value_date <= NEW.value_date AND (
        kind IN ('fee', 'interest') AND reference LIKE 'late\_%'
        OR kind = 'waiver' AND (reference LIKE 'late\_taken\_back:%' OR reference LIKE 'paused:%')
    );
    IF cap.known = 0 THEN
        RAISE EXCEPTION 'Nobody has stored what the law lets this loan be charged on %.', NEW.value_date
            USING ERRCODE = 'check_violation';
    ELSIF NEW.value_date <= due.first + cap.after_days THEN
        RAISE EXCEPTION 'Nothing is charged in the first % days of being late.', cap.after_days USING ERRCODE = 'check_violation';
    ELSIF NEW.kind = 'fee' AND (
        more > cap.fee OR more > terms.fee OR booked.fees + booked.back + more > terms.fees_most
        OR cap.fee_percent IS NOT NULL AND more > COALESCE(due.instalment, 0) * cap.fee_percent / 100
    ) THEN
        RAISE EXCEPTION 'A late fee of % is more than may be charged.', more USING ERRCODE = 'check_violation';
    ELSIF booked.net + more > floor(loan.principal * cap.charges_percent / 100)
        OR booked.net + more > floor(loan.opening * terms.most_percent / 100)
        OR booked.net + more > ceil(loan.principal * cap.percent_days / 36500) + due.late * least(terms.fee, cap.fee)
    THEN
        RAISE EXCEPTION 'Being late has cost this loan as much as it may.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER late_charge_guard BEFORE INSERT ON accounts_ledgerentry FOR EACH ROW
    WHEN (NEW.kind IN ('fee', 'interest') AND (NEW.reference LIKE 'late\_fee:%' OR NEW.reference LIKE 'late\_interest:%'))
    EXECUTE FUNCTION late_charge_guard();
ALTER TABLE accounts_ledgerentry ENABLE ALWAYS TRIGGER late_charge_guard;
