"""Two invented portfolios with some weeks of history, for `make demo`. Deterministic by seed; no data file is used."""
