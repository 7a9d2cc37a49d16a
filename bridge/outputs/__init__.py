"""Where faces and pictures go besides our own wire: programs that take them in a way of their own."""

from .availability import Availability, availability
from .datagrams import SenderError
from .destination import WANTED
from .pictures import PictureSender
from .sender import FaceSender, face_sender, picture_sender, takes_pictures

__all__ = [
    "WANTED",
    "Availability",
    "FaceSender",
    "PictureSender",
    "SenderError",
    "availability",
    "face_sender",
    "picture_sender",
    "takes_pictures",
]
