"""The outputs of `omote live`: ZeroMQ and its control endpoint, the page, and other programs."""

from __future__ import annotations

import platform
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from omote.bridge import endpoint, frame
from omote.bridge.control import ControlServer
from omote.bridge.discovery import Announcement, LanAnnouncer, Responder
from omote.bridge.keys import ServerKeys
from omote.bridge.payload import Hello
from omote.bridge.picture import FORMATS
from omote.engine.live.latency import LatencyMeter
from omote.engine.live.outputs import FaceOutput, PictureOutput, WireOutput
from omote.engine.live.session import Output
from omote.engine.version import version

from ..app.config import Config, keys_folder
from ..app.control import ControlMethods
from ..app.session import StudioSession
from ..app.settings import settings_folder
from ..app.state import Endpoint, Receiver

if TYPE_CHECKING:
    from ..page.server import PageServer


@dataclass(frozen=True)
class Outputs:
    """All open outputs of a run."""

    studio: StudioSession
    wire: WireOutput
    control: ControlMethods
    server: ControlServer
    page: PageServer | None
    is_encrypted: bool

    @classmethod
    def opened(cls, config: Config, meter: LatencyMeter, studio: StudioSession, stack: ExitStack) -> Self:
        """Opens the outputs of these settings, to be closed by the stack; OmoteError if one cannot be opened."""
        keys = ServerKeys.load(keys_folder()) if config.curve else None
        wire = WireOutput(
            config.params_endpoint, config.video_endpoint, on_sent=meter.sent, keys=keys, open_local=config.open_local
        )
        control, session = ControlMethods(wire, studio), wire.publisher.session
        server = ControlServer(
            config.control_endpoint, control.methods(), session=session, keys=keys, open_local=config.open_local
        )
        control.server = stack.enter_context(server)
        wire.publisher.hello = _hello(server)
        stack.enter_context(wire)
        announced = _announcement(wire, server, keys is not None)
        stack.enter_context(Responder(lambda: announced))
        if config.announce:
            stack.enter_context(LanAnnouncer(announced))
        page = stack.enter_context(_page_server(config, studio)) if config.page else None
        if page:
            studio.obs_page = _obs_page(page)
        stack.enter_context(studio.outputs)
        for destination in config.out:
            studio.outputs.open(destination)
        return cls(studio, wire, control, server, page, keys is not None)

    @property
    def portrait_outputs(self) -> tuple[Output, ...]:
        """The outputs that take portraits."""
        return (self.wire, *((self.page,) if self.page else ()), self.studio.outputs, self.studio)

    @property
    def programs(self) -> tuple[FaceOutput | PictureOutput, ...]:
        """The outputs to other programs."""
        return self.studio.outputs.programs

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The addresses of ZeroMQ."""
        publisher = self.wire.publisher
        return (
            Endpoint("video", publisher.video_endpoint),
            Endpoint("params", publisher.params_endpoint),
            Endpoint("control", self.server.endpoint),
        )

    @property
    def receivers(self) -> tuple[Receiver, ...]:
        """The receivers that are connected; of a topic only that it has a subscriber."""
        viewers = self.page.viewers if self.page else {"control": 0, "view": 0}
        counts = {"page": viewers["control"], "clean page": viewers["view"], "control": self.server.clients}
        return (
            *(Receiver(topic, "has a receiver") for topic in sorted(self.wire.publisher.listening)),
            *(Receiver(name, str(count)) for name, count in counts.items() if count),
            *(Receiver(one.name, "is sent to") for one in self.programs if not one.trouble),
        )

    @property
    def notice(self) -> str:
        """What is wrong, in a sentence, or ""."""
        count = self.control.rejected_handshakes
        refused = [f"{count} connections were refused; the log says which and why"] if count else []
        troubles = [f"{one.name}: {one.trouble}" for one in self.programs if one.trouble]
        return "; ".join((*refused, *troubles))

    def rows(self) -> list[str]:
        """The addresses of the page and of all outputs, in lines."""
        at = ", ".join(f"{one.name} {one.address}" for one in self.endpoints)
        page = self.page
        return [
            *([f"  look at     {page.url}", f"  OBS         {page.clean_url} (browser source)"] if page else []),
            f"  ZeroMQ      {at}{'; encrypted (CURVE)' if self.is_encrypted else ''}",
            *(
                f"  picture to  {one.name}"
                if isinstance(one, PictureOutput)
                else f"  face to     {one.name}: parameters, no pictures"
                for one in self.programs
            ),
        ]


def _obs_page(page: PageServer) -> Path | None:
    from ..page.obs_page import write_obs_page

    return write_obs_page(settings_folder(), page.clean_url)


def _page_server(config: Config, studio: StudioSession) -> PageServer:
    # Only a run with a page imports the web server.
    from ..page.access import load_tokens
    from ..page.server import PageServer

    return PageServer(config.page_port, studio, load_tokens(settings_folder()), config.page_origin)


def _announcement(wire: WireOutput, server: ControlServer, is_encrypted: bool) -> Announcement:
    publisher = wire.publisher
    return Announcement(
        name=platform.node() or "omote",
        subject=publisher.subject,
        session=publisher.session,
        video=endpoint.for_this_machine(publisher.video_endpoint),
        params=endpoint.for_this_machine(publisher.params_endpoint),
        control=endpoint.for_this_machine(server.endpoint),
        is_encrypted=is_encrypted,
        omote=version(),
    )


def _hello(server: ControlServer) -> Hello:
    """The hello message; the publisher adds its own ports when it has bound them."""
    control = endpoint.port_of(server.endpoint)
    return Hello(version(), frame.VERSION, FORMATS, video=0, params=0, control=control, methods=server.names)
