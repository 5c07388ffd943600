"""Needed names to links, in the loader's order, keeping what was tried for the messages.

A wheel's binaries are walked from their roots (those that no other binary of the wheel needs)
breadth first, as a loader loads them, so that search paths inherited from the chain count and a
name that is already loaded is not searched again.
"""

from __future__ import annotations

from collections.abc import Callable

from wheelfix.host import Host
from wheelfix.model import Artifact, OnDisk, Options, Watch, WheelInfo
from wheelfix.resolve.resolved import NOWHERE, Resolved


def resolve(  # noqa: PLR0913  # what is not always there is named
    wheel: WheelInfo,
    artifacts: tuple[Artifact, ...],
    host: Host,
    options: Options,
    *,
    watch: Watch,
    on_disk: OnDisk = NOWHERE,
    meanwhile: Callable[[], None] | None = None,
) -> Resolved:
    """Find who provides each needed name of the wheel's binaries, closure included.

    `on_disk` are those of this machine's files that are or become members. `meanwhile` is done
    where libraries will come in, when there is nothing left but to wait for their digests.
    """
    if artifacts or options.include:
        from wheelfix.resolve.closure import close  # most of this room, for nothing in a pure wheel
        from wheelfix.resolve.walk import Walk

        walk = Walk(
            wheel=wheel,
            artifacts=artifacts,
            host=host,
            options=options,
            watch=watch,
            on_disk=on_disk,
        )
        return close(walk, artifacts, host, options, meanwhile)
    return Resolved(
        libraries=(),
        links=(),
        included=(),
        neighbours=(),
        unmet_includes=(),
        unused_excludes=options.exclude,
    )
