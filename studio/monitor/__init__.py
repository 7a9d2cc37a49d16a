"""`omote monitor`: what arrives from a running Omote, in numbers."""

from ..cli.monitor import add_arguments, main

__all__ = ["add_arguments", "main"]
