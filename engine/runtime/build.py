"""One way to execute a network: by which runtime, in which arithmetic, on how many threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

# Each runtime's precisions, the one first that it takes when nothing is said ("" leaves it to the machine).
PRECISIONS: dict[str, tuple[str, ...]] = {
    "openvino": ("", "f32", "bf16"),
    "onnxruntime": ("f32",),
    "tensorrt-rtx": ("f16",),
    "tensorrt": ("f16",),
    "pytorch": ("f32", "bf16", "f16"),
    "pytorch-compile": ("f32", "bf16", "f16"),
}
RUNTIMES = tuple(PRECISIONS)
AUTO = "auto"  # the fastest of the runtimes that this machine has


@dataclass(frozen=True)
class Build:
    """Everything but shapes that is fixed when a network is compiled."""

    runtime: str = "openvino"
    precision: str = ""  # "" is the best that keeps the picture: bf16 where the processor has it
    threads: int | None = None  # of the processor; None leaves it to the runtime

    @classmethod
    def named(cls, name: str, threads: int | None = None) -> Self:
        """Of a name as `--runtime` takes it, "openvino" or "openvino-f32"; ValueError says which there are."""
        for runtime, precisions in PRECISIONS.items():
            for precision in precisions:
                if name in (runtime, f"{runtime}-{precision}"):
                    chosen = precisions[0] if name == runtime else precision
                    return cls(runtime, chosen, threads)
        raise ValueError(f'no runtime "{name}": there are {", ".join(names())}')

    @property
    def name(self) -> str:
        """What `named` takes."""
        return f"{self.runtime}-{self.precision}" if self.precision else self.runtime


def names() -> tuple[str, ...]:
    """Every runtime by itself, then with each precision."""
    with_precision = (f"{runtime}-{one}" for runtime, precisions in PRECISIONS.items() for one in precisions if one)
    return (*RUNTIMES, *with_precision)
