"""`omote monitor`: what arrives from a running Omote, in numbers."""

from .command import add_arguments, run

__all__ = ["add_arguments", "run"]
