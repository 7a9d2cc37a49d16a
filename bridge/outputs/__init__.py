"""Sends faces and pictures to other programs, in the protocols of those programs."""

from ..errors import SenderError
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
