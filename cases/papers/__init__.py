"""Papers we make from facts: statement, quotation, agreements, receipt, certificate. Their texts are data."""
