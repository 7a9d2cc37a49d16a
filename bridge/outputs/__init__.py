"""Where a face goes without a plugin: programs that take face parameters over UDP in a protocol of their own."""

from .datagrams import SenderError
from .sender import WANTED, FaceSender, face_sender

__all__ = ["WANTED", "FaceSender", "SenderError", "face_sender"]
