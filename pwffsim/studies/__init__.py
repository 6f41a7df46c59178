"""Studies: many runs and plans of scenarios that differ in what is stated, one table of all their numbers."""
