"""`omote models`: the networks that are shipped and the model files that are fetched, with their licences."""

from __future__ import annotations

from omote.engine.models import model_rows
from omote.engine.weights import NetworkFile, WeightsError, networks


def run() -> int:
    """Prints a paragraph a file. Reads the disk, never the network."""
    for network in networks():
        print(f"{network.file}: {_state(network)}, shipped with Omote")
        print(f"  draws portraits of {network.size}x{network.size}, model {network.model}; Apache-2.0")
        print(f"  {network.path}")
    for row in model_rows():
        print(f"{row.name}: {row.state}, {row.size / 1e6:.1f} MB")
        print(f"  {row.purpose}; {row.licence}; from {row.sources}")
        print(f"  {row.path}")
    return 0


def _state(network: NetworkFile) -> str:
    try:
        network.check()
    except WeightsError as error:
        return str(error)
    return "present"
