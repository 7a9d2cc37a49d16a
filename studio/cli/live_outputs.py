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
from omote.bridge.publisher import Publisher
from omote.engine.live.latency import LatencyMeter
from omote.engine.live.outputs import FaceOutput, PictureOutput, WireOutput
from omote.engine.live.session import Output
from omote.engine.version import version

from ..app.config import DEFAULTS, Config, keys_folder
from ..app.control import ControlMethods
from ..app.endpoints import ENDPOINT_NAMES, EndpointName, EndpointSwitch
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
    bound: EndpointSwitch
    page: PageServer | None
    is_encrypted: bool

    @classmethod
    def opened(cls, config: Config, meter: LatencyMeter, studio: StudioSession, stack: ExitStack) -> Self:
        """Opens the outputs of these settings, to be closed by the stack; OmoteError if one cannot be opened."""
        keys = ServerKeys.load(keys_folder()) if config.curve else None
        wire = WireOutput("", "", on_sent=meter.sent, keys=keys, open_local=config.open_local)
        publisher = wire.publisher
        control = ControlMethods(wire, studio)

        def server(address: str) -> ControlServer:
            return ControlServer(
                address, control.methods(), session=publisher.session, keys=keys, open_local=config.open_local
            )

        bound = studio.endpoints = EndpointSwitch(publisher, server, _addresses(config))
        publisher.hello = Hello(version(), frame.VERSION, FORMATS, video=0, params=0, control=0, methods=())
        stack.enter_context(wire)
        stack.enter_context(bound)
        kept = studio.store.settings.endpoints
        bound.start({name: one for name, one in kept.items() if name in _left_to_the_page(config)})

        def announced() -> Announcement:
            return _announcement(publisher, bound, keys is not None)

        stack.enter_context(Responder(announced))
        lan = stack.enter_context(LanAnnouncer(announced())) if config.announce else None

        def changed() -> None:
            control.server = bound.server
            if lan:
                lan.renew(announced())

        control.server, bound.on_change = bound.server, changed
        page = stack.enter_context(_page_server(config, studio)) if config.page else None
        if page:
            studio.obs_page = _obs_page(page)
        stack.enter_context(studio.outputs)
        for destination in config.out:
            studio.outputs.open(destination)
        return cls(studio, wire, control, bound, page, keys is not None)

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
        """The addresses of ZeroMQ that are on."""
        on = ((name, self.bound.address(name)) for name in ENDPOINT_NAMES)
        return tuple(Endpoint(name, address) for name, address in on if address)

    @property
    def receivers(self) -> tuple[Receiver, ...]:
        """The receivers that are connected; of a topic only that it has a subscriber."""
        server = self.bound.server
        viewers = self.page.viewers if self.page else {"control": 0, "view": 0}
        counts = {"page": viewers["control"], "clean page": viewers["view"], "control": server.clients if server else 0}
        return (
            *(Receiver(topic, "") for topic in sorted(self.wire.publisher.listening)),
            *(Receiver(name, str(count)) for name, count in counts.items() if count),
            *(Receiver(one.name, "") for one in self.programs if not one.trouble),
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
            f"  ZeroMQ      {at or 'off'}{'; encrypted (CURVE)' if self.is_encrypted else ''}",
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


def _addresses(config: Config) -> dict[EndpointName, str]:
    return {"video": config.video_endpoint, "params": config.params_endpoint, "control": config.control_endpoint}


def _left_to_the_page(config: Config) -> list[EndpointName]:
    """The endpoints for which the command line and config.toml have no other address than the usual one."""
    usual = _addresses(DEFAULTS)
    return [name for name, address in _addresses(config).items() if address == usual[name]]


def _announcement(publisher: Publisher, bound: EndpointSwitch, is_encrypted: bool) -> Announcement:
    addresses = {name: bound.address(name) for name in ENDPOINT_NAMES}
    here = {name: endpoint.for_this_machine(address) if address else "" for name, address in addresses.items()}
    return Announcement(
        name=platform.node() or "omote",
        subject=publisher.subject,
        session=publisher.session,
        video=here["video"],
        params=here["params"],
        control=here["control"],
        is_encrypted=is_encrypted,
        omote=version(),
    )
