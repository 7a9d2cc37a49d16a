"""Sends portraits: over ZeroMQ as pictures and parameters, to other programs as one or the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Self, TypeVar

import numpy as np

from omote.bridge import arkit, endpoint
from omote.bridge.frame import DEFAULT_SUBJECT
from omote.bridge.keys import ServerKeys
from omote.bridge.outputs import FaceSender, PictureSender
from omote.bridge.payload import MAX_RECOGNISED, Params, Video
from omote.bridge.publisher import Publisher, Sample

from ..data import OPEN_BASIS, Array, FlameParams, Portrait, Signal
from ..face.retarget import to_weights

Sender = TypeVar("Sender", bound=FaceSender | PictureSender)


class WireOutput:
    """Publishes portraits over ZeroMQ: pictures and face parameters, as Unity, Unreal and `Subscriber` receive them.

    Without keys only programs of the same user on this machine are let in.

    Parameters
    ----------
    params, video
        Addresses to bind, `tcp://HOST:PORT`; the port `*` is any free one, and `publisher.video_endpoint` says which.
    subject
        The name under which receivers subscribe.
    on_sent
        Called as `on_sent(index, sent_ns)` from the publisher's thread when a portrait was handed to the network.
    keys
        Encrypts, and lets in the clients that they name.
    open_local
        Without keys: lets in programs of every user of this machine.

    Raises
    ------
    EndpointError
        If an address may not be bound; `PortInUseError`, when it is entered, if another program has it.

    Examples
    --------
    >>> with WireOutput(video="tcp://127.0.0.1:*") as wire:
    ...     wire.offer(animator.draw({}, "hana"))
    """

    name = "zeromq"

    def __init__(
        self,
        params: str = endpoint.PARAMS_ENDPOINT,
        video: str = endpoint.VIDEO_ENDPOINT,
        subject: str = DEFAULT_SUBJECT,
        on_sent: Callable[[int, int], None] | None = None,
        keys: ServerKeys | None = None,
        open_local: bool = False,
    ) -> None:
        self.publisher = Publisher(params, video, subject, on_sent, keys=keys, open_local=open_local)

    def __enter__(self) -> Self:
        self.publisher.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.publisher.__exit__(*error)

    def offer(self, portrait: Portrait) -> None:
        """Sends this portrait next. Never blocks; its picture must not be written to afterwards."""
        self.publisher.publish(published_picture(portrait))


class _ProgramOutput(Generic[Sender]):
    """Sends portraits to another program; open while it is entered."""

    def __init__(self, sender: Sender) -> None:
        self.name = sender.name
        self._sender = sender

    def __enter__(self) -> Self:
        self._sender.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._sender.__exit__(*error)

    @property
    def trouble(self) -> str:
        """Why nothing arrives there now, in one line; empty without a known problem."""
        return self._sender.trouble


class FaceOutput(_ProgramOutput[FaceSender]):
    """Sends what portraits show, without pictures, in the protocol of another program."""

    def offer(self, portrait: Portrait) -> None:
        """Sends this portrait's face. Never blocks."""
        self._sender.offer(portrait.stamp.captured_wall_ns, _params(portrait))


class PictureOutput(_ProgramOutput[PictureSender]):
    """Shows pictures in another program, without parameters."""

    def offer(self, portrait: Portrait) -> None:
        """Shows this portrait next. Never blocks; its picture must not be written to afterwards."""
        self._sender.offer(portrait.rgba)


def published_picture(portrait: Portrait) -> Sample:
    """The portrait as the publisher takes it."""
    stamp = portrait.stamp
    return Sample(
        index=stamp.index,
        captured_ns=stamp.captured_ns,
        generated_ns=stamp.finished[-1][1] if stamp.finished else stamp.captured_ns,
        wall_ns=stamp.captured_wall_ns,
        video=Video(portrait.rgba, gear=portrait.drawn_by, placed=portrait.placed),
        params=_params(portrait),
    )


def _params(portrait: Portrait) -> Params:
    shown, signal = portrait.params, portrait.signal or _untracked_signal(portrait)
    return Params(
        weights=signal.weights,
        expression=shown.expression,
        jaw_pose=shown.jaw_pose,
        neck_pose=shown.neck_pose,
        eye_pose=shown.eye_pose,
        eyelids=shown.eyelids,
        translation=shown.translation,
        head_rotation=signal.head_rotation,
        head_translation=signal.head_translation,
        gaze=signal.gaze,
        confidence=signal.confidence,
        presence=portrait.presence,
        basis=shown.basis,
        shown_weights=_shown_weights(shown),
        recognised=portrait.recognised[:MAX_RECOGNISED],
    )


def _shown_weights(shown: FlameParams) -> Array | None:
    """[52] the ARKit weights of the face that is shown; None in a basis that has no such map."""
    return np.clip(to_weights(shown), 0.0, 1.0) if shown.basis == OPEN_BASIS else None


def _untracked_signal(portrait: Portrait) -> Signal:
    return Signal(portrait.stamp, np.zeros(arkit.COUNT, np.float32), confidence=0.0)
