"""The model of a character: its file, how it is made from photos, and what draws it."""
