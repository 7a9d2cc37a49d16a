"""A student of one step for photoreal characters, taught by what the published weights draw in many."""
