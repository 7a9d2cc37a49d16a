"""`omote render`: a transition, a timeline or a performance becomes pictures and films, the same ones every time."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console

from omote.engine.character import load_any
from omote.engine.offline.crew import Crew, crew_for
from omote.engine.offline.easel import Easel
from omote.engine.offline.hand import hand_at
from omote.engine.offline.job import Job
from omote.engine.offline.picture_file import Pictures
from omote.engine.offline.render import render
from omote.engine.offline.room import require_room
from omote.engine.offline.script import Script
from omote.engine.offline.setting_up import PhotorealFiles, easel_for

from .ending import exit_code
from .render_arguments import Order
from .render_progress import Phases, told


def run(order: Order, clock_s: Callable[[], float] = time.monotonic) -> int:
    """Renders everything and returns the exit code; errors that a person can mend are raised, most before the work.

    Ctrl-C, and SIGTERM where there is one, keep what is done and say how to go on.
    """
    outs = order.outs
    draft = order.piece.draft()
    with Job(outs.paths, outs.folder) as job:
        job.admit(_asked(order), resume=order.resume, overwrite=order.overwrite)
        outs.require_writable()
        easel = _easel(order, draft)
        _check(order, draft, easel)
        crew = crew_for(order.cluster, order.workers, order.threads)
        began_s = clock_s()
        try:
            with Phases(Console(stderr=True), clock_s) as phases:
                count, drawn = _Rendering(order, easel, crew, job, phases).carried_out(draft)
        except KeyboardInterrupt as interrupt:
            print(_stopped(order, job), file=sys.stderr)
            return exit_code(interrupt)
        job.finish()
    print(_result(order, easel, count, drawn, clock_s() - began_s))
    return 0


@dataclass(frozen=True)
class _Rendering:
    """One that was admitted."""

    order: Order
    easel: Easel | None  # None where nothing is drawn
    crew: Crew
    job: Job
    phases: Phases

    def carried_out(self, draft: Script) -> tuple[int, int]:
        """Finds out what is shown, draws and writes it; how many pictures it has, and how many are new."""
        self._require_room(draft)
        script, pictures, kept = self._drawn(draft, self.easel) if self.easel else self._undrawn(draft)
        for writer in self.order.outs.writers:
            tell = self.phases.phase(f"writing {writer.path.name}", len(script))
            tell(0)
            writer.write(script, pictures, tell)
        return len(script), len(script) - kept

    def _drawn(self, draft: Script, easel: Easel) -> tuple[Script, Pictures, int]:
        """Who draws is there, and all is loaded, before a performance is tracked or anything earlier is removed."""
        with self.crew as crew:
            if self.order.is_alone:
                hand_at(easel)
            script = self._script(draft)
            self.job.begin(easel.facts(), script)
            kept, tell = self.job.kept, self.phases.phase("drawing", len(script))
            return script, render(script, easel, crew, self.job.pictures, tell), kept

    def _undrawn(self, draft: Script) -> tuple[Script, Pictures, int]:
        script = self._script(draft)
        self.job.begin({}, script)
        return script, Pictures(self.job.pictures, 0), 0

    def _script(self, draft: Script) -> Script:
        if not self.order.piece.is_costly:
            return draft
        script = self.job.script(lambda: self.order.piece.script(self.phases.phase))
        _check(self.order, script, self.easel)
        self._require_room(script)
        return script

    def _require_room(self, script: Script) -> None:
        job, kept = self.job, len(script)
        if self.easel:
            kept = job.kept if job.is_gone_on_with else 0
        require_room(self.order.outs.writers, script, _size(self.easel), job.pictures, kept, job.replaced)


def _easel(order: Order, draft: Script) -> Easel | None:
    """What draws it, not opened yet; None where nothing is drawn. ValueErrors where that cannot be."""
    config = order.config
    if not order.outs.are_drawn:
        for name in draft.cast:
            load_any(name)
        return None
    files = PhotorealFiles(config.photoreal, config.flame_map, config.allow_noncommercial)
    return easel_for(
        draft.cast,
        config.size,
        config.steps,
        config.runtime,
        order.threads,
        files,
        consistency=order.piece.shown.consistency,
    )


def _check(order: Order, script: Script, easel: Easel | None) -> None:
    if easel:
        easel.check(script)
    for writer in order.outs.writers:
        writer.check(script, _size(easel))


def _size(easel: Easel | None) -> int:
    return easel.size if easel else 0


def _asked(order: Order) -> dict[str, str]:
    """What has to be typed again for the same to come out; who draws may change."""
    background = {} if order.background is None else {"background": order.background}
    return {**order.piece.facts(), **background, "out": order.outs.words}


def _stopped(order: Order, job: Job) -> str:
    if not job.has_script:
        return "omote render: stopped before there was anything to keep"
    return f"omote render: stopped; {_pictures(job.kept)} kept in {job.pictures}. Go on with: {order.again}"


def _result(order: Order, easel: Easel | None, count: int, drawn: int, seconds: float) -> str:
    """For people, in lines."""
    pace = told(count, count, drawn, seconds) if easel else _pictures(count)
    remark = [f"  {easel.remark}"] if easel and easel.remark else []
    return "\n".join([f"{pace}, {seconds:.1f} s", *(f"  {path}" for path in order.outs.places), *remark])


def _pictures(count: int) -> str:
    return f"{count} picture{'' if count == 1 else 's'}"
