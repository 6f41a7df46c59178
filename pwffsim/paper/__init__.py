"""The paper (Jiang et al., arXiv 2404.13238 v2), reproduced and audited: its grid, figures, claims, and one report."""
