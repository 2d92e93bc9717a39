-- What was agreed stays agreed: a later day is never taken back, nor moved.
CALL forbear_append_only('accounts_extension');
