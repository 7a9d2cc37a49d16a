"""Networks of LivePortrait's shape (arXiv 2407.03168), built from its published configuration with random weights."""
