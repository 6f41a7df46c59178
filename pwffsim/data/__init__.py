"""Rows for the three stages: corpora, partitioners, the rubric judge. No torch; all draws are from named streams."""
