# SPDX-License-Identifier: BSD-3-Clause
"""Events of what the agent finds out about slbd."""

from slb.agent.events import Events
from slb.agent.standing import Standing


def standing(events: Events, before: Standing, now: Standing) -> None:
    """Tell what has become of slbd, as far as it is something else than before."""
    another = (before.instance, before.pid) != (now.instance, now.pid)
    if before.instance and another:
        events.emit("slbd_restarted", pid=now.pid, was_pid=before.pid)
    if now.mended != before.mended:
        events.emit("mended", times=now.mended)
    if now.word in ("unreachable", "refused"):
        if another or (before.word, before.reason) != (now.word, now.reason):
            events.emit(now.word, reason=now.reason)
    elif now.word in ("applied", "incomplete"):
        were = (before.word, before.reason, before.applied)
        if another or were != (now.word, now.reason, now.applied):
            said = {"reason": now.reason} if now.reason else {}
            generation, of_slbd = now.applied, now.slbd_generation
            events.emit(now.word, generation=generation, slbd_generation=of_slbd, **said)
