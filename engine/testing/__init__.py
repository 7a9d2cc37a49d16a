"""Fakes that tests and users share: characters painted in code, networks with known pictures, scripted cameras."""
