"""The control endpoint: requests to a running Omote and its replies; see WIRE.md, Control."""

from .client import Clock, ControlClient
from .message import ControlError
from .server import ControlServer, Method

__all__ = ["Clock", "ControlClient", "ControlError", "ControlServer", "Method"]
