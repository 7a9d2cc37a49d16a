"""What `omote doctor` looks at of ways out: ports, keys, OBS, and other programs that take a face or a picture."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from omote.bridge import keys
from omote.bridge.keys import KeysError, ServerKeys
from omote.bridge.outputs import availability

from . import free_port
from .check import Check
from .config import Config
from .keys import keys_folder

_OBS = "install it from obsproject.com; then add a browser source with the page's clean address"


def outputs(config: Config) -> Iterator[Check]:
    """One thing after another; nothing is opened but ports, and these for a moment."""
    yield from _ports(config)
    if config.curve:
        yield _keys(keys_folder())
    place = obs_place()
    yield Check("OBS", place is not None, str(place or "not found where it usually stands"), _OBS)
    for row in availability():
        yield Check(row.name, row.is_there, row.found, row.cure)


def _ports(config: Config) -> Iterator[Check]:
    endpoints = (
        (config.params_endpoint, "--params-endpoint"),
        (config.video_endpoint, "--video-endpoint"),
        (config.control_endpoint, "--control-endpoint"),
    )
    ports = [(config.page_port, "--page-port"), *((_port_of(address), flag) for address, flag in endpoints)]
    for port, flag in ports:
        is_free = free_port.tcp(port)
        found = "free" if is_free else "in use, or none that may be opened"
        cure = f"end the other program, which may be an Omote, or choose another port with {flag}"
        yield Check(f"port {port}", is_free, found, cure, is_needed=True, wrong="taken")


def _port_of(endpoint: str) -> int:
    port = endpoint.rpartition(":")[2]
    return int(port) if port.isdigit() else 0


def _keys(folder: Path) -> Check:
    """Who is let in, where the wire is encrypted."""
    try:
        ServerKeys.load(folder)
        clients = keys.client_keys(folder / keys.CLIENTS_FOLDER)
    except KeysError as error:
        return Check("keys", False, str(error), is_needed=True)
    found = f"in {folder}; {', '.join(clients) or 'nobody'} may receive"
    return Check("keys", bool(clients), found, "let a machine in: omote keys new NAME")


def obs_place(
    platform: str = sys.platform, environment: Mapping[str, str] = os.environ, home: Path | None = None
) -> Path | None:
    """Where OBS Studio is installed; None where it is in none of the usual places."""
    found = shutil.which("obs", path=environment.get("PATH", "")) if platform == "linux" else None
    places = [Path(found)] if found else _usual_places(platform, environment, home or Path.home())
    return next((place for place in places if place.exists()), None)


def _usual_places(platform: str, environment: Mapping[str, str], home: Path) -> list[Path]:
    if platform == "win32":
        folders = [environment[name] for name in ("ProgramFiles", "ProgramFiles(x86)") if name in environment]
        return [
            *(Path(folder) / "obs-studio" / "bin" / "64bit" / "obs64.exe" for folder in folders),
            *(Path(folder) / "Steam" / "steamapps" / "common" / "OBS Studio" for folder in folders),
        ]
    if platform == "darwin":
        return [Path("/Applications/OBS.app"), home / "Applications" / "OBS.app"]
    flatpak = Path("flatpak") / "app" / "com.obsproject.Studio"
    return [Path("/var/lib") / flatpak, home / ".local" / "share" / flatpak, Path("/snap/bin/obs-studio")]
