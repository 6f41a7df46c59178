"""What is decided: methods, aggregation coefficients, staleness rules, selection. Small classes, by name."""
