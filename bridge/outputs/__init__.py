"""Where faces and pictures go besides our own wire: programs that take them in a way of their own."""

from .datagrams import SenderError
from .destination import (
    DESTINATION_FORMATS,
    Availability,
    FaceSender,
    availability,
    face_sender,
    picture_sender,
    takes_pictures,
)
from .pictures import PictureSender

__all__ = [
    "DESTINATION_FORMATS",
    "Availability",
    "FaceSender",
    "PictureSender",
    "SenderError",
    "availability",
    "face_sender",
    "picture_sender",
    "takes_pictures",
]
