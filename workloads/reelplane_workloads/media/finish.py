"""From downloaded files to the one that is published: sniff, probe, plan, copy if need be, probe again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reelplane_workloads.media.ffmpeg import Input, remux_argv
from reelplane_workloads.media.plan import Format, Keep, plan
from reelplane_workloads.media.probe import Probe, probe
from reelplane_workloads.media.sniff import sniff_file

COPY_TIMEOUT = 120.0
"""Seconds a copy of streams may take: 500 MiB at 5 MiB/s, far below what any disk does."""


@dataclass(frozen=True, slots=True)
class Source:
    path: Path
    assembled: bool = False
    """Strung together from fragments."""


@dataclass(frozen=True, slots=True)
class Finished:
    path: Path
    format: Format
    probe: Probe


def finish(
    sources: Sequence[Source],
    *,
    want: Literal["video", "audio"],
    folder: Path,
    copy: Callable[[list[str]], None],
    ffmpeg_binary: str,
) -> Finished:
    """Make the published file out of ``sources``, in ``folder`` under a name of ours.

    ``copy`` runs an FFmpeg command to its end. Raises Problem: UNSUPPORTED_MEDIA, CORRUPT_MEDIA and what ``copy``
    raises; OSError when a file cannot be read.
    """
    probes = [probe(source.path, sniff_file(source.path)) for source in sources]
    decision = plan(probes, want, assembled=any(source.assembled for source in sources))
    if isinstance(decision, Keep):
        return Finished(sources[0].path, decision.format, probes[0])
    output = folder / f"finished.{decision.format.extension}"
    inputs = [
        Input(source.path, probed.container.demuxer) for source, probed in zip(sources, probes, strict=True)
    ]
    copy(remux_argv(ffmpeg_binary, inputs, decision, output))
    return Finished(output, decision.format, probe(output, sniff_file(output)))
