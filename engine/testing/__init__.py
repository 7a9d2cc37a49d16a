"""Fakes that tests and users share: characters painted in code, and networks whose pictures are known."""
