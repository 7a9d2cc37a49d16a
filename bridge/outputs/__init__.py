"""Where a face goes without a plugin: programs that take face parameters over UDP in a protocol of their own."""

from .datagrams import SenderError
from .sender import FaceSender, face_sender

__all__ = ["FaceSender", "SenderError", "face_sender"]
