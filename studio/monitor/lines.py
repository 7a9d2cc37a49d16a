"""An account in words, for a terminal, for a log, and for another program."""

from __future__ import annotations

from dataclasses import asdict

from omote.bridge.endpoint import is_loopback
from omote.bridge.frame import Params, Video
from omote.engine.latency import Percentiles

from .account import Account

_MS = 1e-6  # for nanoseconds


def lines(account: Account) -> list[str]:
    """All of it, a line a matter."""
    if account.state == "waiting":
        return [_nothing(account), *_sender(account), *_complaints(account)]
    return [
        " · ".join([account.endpoint, account.subject, account.state, *_announced(account)]),
        f"{account.fps:.1f} a second · {_content(account)}",
        _ages(account),
        *_clocks(account),
        _counts(account),
        *_sender(account),
        *_complaints(account),
    ]


def line(account: Account) -> str:
    """What changes from second to second, in one line."""
    if account.state == "waiting":
        return "; ".join([_nothing(account), *_complaints(account)])
    return f"{account.state} · {account.fps:.1f} a second · {_ages(account)} · {_counts(account)} · {_content(account)}"


def as_json(account: Account) -> dict[str, object]:
    """The whole run for another program; times in milliseconds, null where nothing is known."""
    timing, answers, reception = account.whole, account.answers, account.reception
    payload = account.frame.payload if account.frame else None
    return {
        "endpoint": account.endpoint,
        "subject": account.subject,
        "format": account.format,
        "state": account.state,
        "seconds": round(account.seconds, 3),
        "received": reception.received,
        "fps": round(account.mean_fps, 3),
        "missed": reception.missed,
        "skipped": account.skipped,
        "rejected": reception.rejected,
        "sessions": reception.sessions,
        "age_ms": asdict(timing.age) if timing else None,
        "latency_ms": asdict(timing.latency) if timing else None,
        "clock": asdict(account.clock) if account.clock else None,
        "size": list(payload.pixels.shape[1::-1]) if isinstance(payload, Video) else None,
        "hello": asdict(account.hello) if account.hello else answers.hello,
        "control": answers.endpoint or None,
        "stats": answers.stats if _is_of_the_sender(account) else None,
        "last_error": account.last_error or None,
        "refusal": account.refusal or None,
    }


def _nothing(account: Account) -> str:
    if account.refusal:
        return f"{account.endpoint} does not let us in: {account.refusal}"
    hint = "is `omote live` running?"
    if account.answers.hello:
        hint = f"but control at {account.answers.endpoint} answers"
    elif not is_loopback(account.endpoint):
        hint = "is `omote live --curve` running there, and --key the file of its `omote keys new`?"
    return f"nothing from {account.endpoint} yet: {hint}"


def _announced(account: Account) -> list[str]:
    """Who sends, as far as they have said."""
    said = account.hello.omote if account.hello else (account.answers.hello or {}).get("omote")
    named = [f"Omote {_clean(said)}"] if said else []
    schema = account.schema
    return [*named, *([f"{len(schema.weights)} weights"] if schema else [])]


def _content(account: Account) -> str:
    payload = account.frame.payload if account.frame else None
    if isinstance(payload, Video):
        height, width = payload.pixels.shape[:2]
        return f"pictures {width}x{height}, {account.format}, alpha {payload.alpha}"
    if isinstance(payload, Params):
        return (
            f"params in {_clean(payload.basis)}, confidence {payload.confidence:.2f}, presence {payload.presence:.2f}"
        )
    return "nothing that could be decoded"


def _ages(account: Account) -> str:
    if not account.is_clock_known:
        endpoint = account.answers.endpoint if account.answers.error else ""
        return "age unknown: clocks not measured" + (f" (no answer from control at {endpoint})" if endpoint else "")
    if not account.recent:
        return "age not known yet"
    return f"age {_spread(account.recent.age)} since sent, {_spread(account.recent.latency)} since captured (p50/p99)"


def _clocks(account: Account) -> list[str]:
    clock = account.clock
    if clock is None or is_loopback(account.endpoint):
        return []
    return [
        f"the sender's clock is {clock.offset_ns * _MS:.3f} ± {clock.uncertainty_ns * _MS:.3f} ms ahead of this one"
    ]


def _spread(took: Percentiles) -> str:
    return f"{took.p50:.1f}/{took.p99:.1f} ms"


def _counts(account: Account) -> str:
    reception = account.reception
    counts = f"lost {reception.missed} · skipped {account.skipped} · rejected {reception.rejected}"
    return counts + (f" · {reception.sessions} runs of the sender" if reception.sessions > 1 else "")


def _sender(account: Account) -> list[str]:
    """What control says."""
    answers, stats = account.answers, account.answers.stats or {}
    if answers.error:
        hint = "; --control names another address" if account.frame else ""
        return [f"control: {_clean(answers.error)}{hint}"]
    if not stats:
        return []
    if not _is_of_the_sender(account):
        return [f"control: at {answers.endpoint} is another Omote than the one that sends this; name it by --control"]
    listening = stats.get("listening")
    told = ", ".join(map(_clean, listening)) if isinstance(listening, list) else ""
    return [
        f"sender: {_clean(stats.get('source'))}, {_clean(stats.get('phase'))} · {_number(stats.get('fps'))} a second · "
        f"capture to sent {_number(stats.get('latency_p50_ms'))}/{_number(stats.get('latency_p99_ms'))} ms",
        f"to {told or 'nobody'} · dropped {_clean(stats.get('dropped'))} · refused "
        f"{_clean(stats.get('rejected_handshakes'))} handshakes, {_clean(stats.get('rejected_requests'))} requests",
    ]


def _is_of_the_sender(account: Account) -> bool:
    """Whether control and pictures come from one run of one program; so it is taken where nothing came yet."""
    clock = account.answers.clock
    return account.frame is None or clock is None or clock.session == account.frame.header.session


def _complaints(account: Account) -> list[str]:
    """What is wrong, as far as it can be seen from here."""
    found = [f"last rejected: {_clean(account.last_error)}"] if account.reception.rejected else []
    hello = account.answers.hello or {}
    if account.frame is None and hello:
        subject, formats = hello.get("subject"), hello.get("formats")
        if subject and subject != account.subject:
            found.append(f"the sender there calls itself {_clean(subject)}: --subject {_clean(subject)}")
        if isinstance(formats, list) and account.format not in formats:
            found.append(f"the sender there has no {account.format}, only {', '.join(map(_clean, formats))}")
    return found


def _number(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, int | float) else "?"


def _clean(value: object) -> str:
    """What a stranger said, without what would move the cursor."""
    return "".join(letter if letter.isprintable() else "?" for letter in ("?" if value is None else str(value)))
