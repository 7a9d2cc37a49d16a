"""Photoreal characters: the published Arc2Face weights, which a user brings, as a kind of character beside our own."""
