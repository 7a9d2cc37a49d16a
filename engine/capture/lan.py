"""This machine's addresses, to be typed into an app on a phone."""

from __future__ import annotations

import ipaddress
import socket

_ELSEWHERE = ("192.0.2.1", 9)  # kept for documentation (RFC 5737): a route there is looked up, nothing is sent


def addresses() -> tuple[str, ...]:
    """IPv4 addresses under which others may reach this machine, the likeliest first; () where there is no network."""
    found = [address for address in (_towards_the_world(), *_of_its_name()) if address and _is_reachable(address)]
    return tuple(dict.fromkeys(found))


def _towards_the_world() -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        try:
            nobody.connect(_ELSEWHERE)  # of UDP: chooses the way, and sends nothing
        except OSError:
            return None
        return str(nobody.getsockname()[0])


def _of_its_name() -> list[str]:
    try:
        found = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
    except (OSError, UnicodeError):
        return []
    return [str(address[0]) for *_, address in found]


def _is_reachable(address: str) -> bool:
    one = ipaddress.ip_address(address)
    return not (one.is_loopback or one.is_unspecified)
