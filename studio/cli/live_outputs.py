"""Where a run goes out and where it can be asked: all of it is open while the run lasts."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

from omote.bridge import endpoint, frame
from omote.bridge.control import ControlServer
from omote.bridge.keys import ServerKeys
from omote.bridge.outputs import face_sender, picture_sender, takes_pictures
from omote.bridge.payload import Hello
from omote.bridge.picture import FORMATS
from omote.engine.live.latency import LatencyMeter
from omote.engine.live.outputs import FaceOutput, PictureOutput, WireOutput
from omote.engine.live.session import Output
from omote.engine.model.portrait_renderer import PortraitRenderer
from omote.engine.version import version

from ..app.config import Config, keys_folder, user_config_path
from ..app.control import ControlMethods
from ..app.session import StudioSession
from ..app.settings import settings_folder
from ..app.state import Endpoint, Receiver
from ..page.access import load_tokens
from ..page.server import PageServer


@dataclass(frozen=True)
class Outputs:
    """What is open: the wire and its control, the page, and other programs that a face or the picture goes to."""

    desk: StudioSession
    wire: WireOutput
    control: ControlMethods
    server: ControlServer
    page: PageServer | None
    faces: tuple[FaceOutput, ...]
    pictures: tuple[PictureOutput, ...]
    is_encrypted: bool

    @classmethod
    def opened(
        cls, config: Config, artist: PortraitRenderer, meter: LatencyMeter, desk: StudioSession, stack: ExitStack
    ) -> Self:
        """All that these settings name, to be closed by the stack; what cannot be opened says why."""
        keys = ServerKeys.load(keys_folder()) if config.curve else None
        settings = user_config_path().parent
        pictures = tuple(PictureOutput(picture_sender(spec)) for spec in config.out if takes_pictures(spec))
        faces = tuple(FaceOutput(face_sender(spec, settings)) for spec in config.out if not takes_pictures(spec))
        wire = WireOutput(
            config.params_endpoint, config.video_endpoint, on_sent=meter.sent, keys=keys, open_local=config.open_local
        )
        control, session = ControlMethods(wire, artist, desk), wire.publisher.session
        server = ControlServer(
            config.control_endpoint, control.methods(), session=session, keys=keys, open_local=config.open_local
        )
        control.server = stack.enter_context(server)
        wire.publisher.hello = _hello(server)
        stack.enter_context(wire)
        page = stack.enter_context(_page_server(config, desk)) if config.page else None
        for face in faces:
            stack.enter_context(face)
        for picture in pictures:
            stack.enter_context(picture)
        return cls(desk, wire, control, server, page, faces, pictures, keys is not None)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Who takes portraits."""
        return (self.wire, *((self.page,) if self.page else ()), *self.faces, *self.pictures, self.desk)

    @property
    def programs(self) -> tuple[FaceOutput | PictureOutput, ...]:
        """The other programs among them."""
        return (*self.faces, *self.pictures)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Where ZeroMQ is bound."""
        publisher = self.wire.publisher
        return (
            Endpoint("video", publisher.video_endpoint),
            Endpoint("params", publisher.params_endpoint),
            Endpoint("control", self.server.endpoint),
        )

    @property
    def receivers(self) -> tuple[Receiver, ...]:
        """Who is connected now, as far as that can be told: of a topic, that somebody listens to it."""
        looking = self.page.viewers if self.page else {"control": 0, "view": 0}
        counts = {"page": looking["control"], "clean page": looking["view"], "control": self.server.clients}
        return (
            *(Receiver(topic, "is listened to") for topic in sorted(self.wire.publisher.listening)),
            *(Receiver(name, str(count)) for name, count in counts.items() if count),
            *(Receiver(one.name, "is sent to") for one in self.programs if not one.trouble),
        )

    @property
    def notice(self) -> str:
        """What is wrong, for a person; empty where nothing is."""
        count = self.control.rejected_handshakes
        refused = [f"{count} times somebody was not let in; the log says who and why"] if count else []
        troubles = [f"{one.name}: {one.trouble}" for one in self.programs if one.trouble]
        return "; ".join((*refused, *troubles))

    def rows(self) -> list[str]:
        """What is printed: where to look, and where everything goes."""
        at = ", ".join(f"{one.name} {one.address}" for one in self.endpoints)
        page = self.page
        return [
            *([f"  look at     {page.url}", f"  OBS         {page.clean_url} (browser source)"] if page else []),
            f"  ZeroMQ      {at}{'; encrypted (CURVE)' if self.is_encrypted else ''}",
            *(f"  face to     {face.name}: parameters, no pictures" for face in self.faces),
            *(f"  picture to  {picture.name}" for picture in self.pictures),
        ]


def _page_server(config: Config, desk: StudioSession) -> PageServer:
    return PageServer(config.page_port, desk, load_tokens(settings_folder()))


def _hello(server: ControlServer) -> Hello:
    """What receivers are told; the publisher fills in its own ports when it has bound them."""
    control = endpoint.port_of(server.endpoint)
    return Hello(version(), frame.VERSION, FORMATS, video=0, params=0, control=control, methods=server.names)
