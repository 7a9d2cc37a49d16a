"""Makes characters: from photos, from a seed, from two others, or from one with something changed about it."""
