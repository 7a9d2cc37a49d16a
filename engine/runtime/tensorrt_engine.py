"""What TensorRT and TensorRT-RTX have in common: they parse a network, build an engine of it, and tell what they think.

Their Python modules have the same names for the same things; `trt` is either of them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .session import RuntimeUnavailable

log = logging.getLogger(__name__)

_WORST = 1  # of their severities: internal error, error, warning, info, verbose


class Journal:
    """What the library says while it does one thing; the log gets it too, its errors `aloud` where nobody else does."""

    def __init__(self, trt: Any, aloud: bool = False) -> None:
        self._error = ""
        self._last = "no reason given"
        self._error_level = logging.ERROR if aloud else logging.DEBUG
        journal = self

        class Logger(trt.ILogger):  # type: ignore[misc]
            def __init__(self) -> None:
                trt.ILogger.__init__(self)

            def log(self, severity: Any, message: str) -> None:
                journal.note(int(severity), message)

        self.logger = Logger()

    def note(self, severity: int, message: str) -> None:
        self._last = " ".join(message.split())
        if severity <= _WORST:
            self._error = self._last
        log.log(self._error_level if severity <= _WORST else logging.DEBUG, "%s", self._last)

    @property
    def reason(self) -> str:
        """The last error, or what was said last."""
        return self._error or self._last


def built(trt: Any, network: bytes | Path, configure: Callable[[Any], None], of: str) -> bytes:
    """The engine of this ONNX network; RuntimeUnavailable with the library's own reason, which `of` introduces.

    A network whose weights lie beside it is given by its path.
    """
    journal = Journal(trt)
    builder = trt.Builder(journal.logger)
    # Types are kept as written: since TensorRT 11 always, before that where it is asked for.
    definition = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(definition, journal.logger)
    parsed = parser.parse(network) if isinstance(network, bytes) else parser.parse_from_file(str(network))
    if not parsed:
        said = parser.get_error(0).desc() if parser.num_errors else journal.reason
        raise RuntimeUnavailable(f"{of} cannot read the network ({said}): choose another --runtime")
    config = builder.create_builder_config()
    configure(config)
    engine = builder.build_serialized_network(definition, config)
    if engine is None:
        raise RuntimeUnavailable(f"{of} cannot compile the network ({journal.reason}): choose another --runtime")
    return bytes(engine)
