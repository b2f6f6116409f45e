"""FFmpeg, called with an argument list built from typed values and nothing else.

Every input carries its demuxer and may use files only, so that no playlist, name or header makes FFmpeg open
anything but the file it was given. Titles and other metadata of strangers are not copied.
"""

from __future__ import annotations

import errno
import functools
import os
import re
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.media.plan import Remux

_KEPT_STDERR = 2000


@dataclass(frozen=True, slots=True)
class Input:
    path: Path
    demuxer: str


@functools.cache
def ffmpeg_path() -> str:
    """The static binary of the imageio-ffmpeg wheel. Raises RuntimeError where the wheel brings none."""
    import imageio_ffmpeg  # noqa: PLC0415 - only the parent resolves it, once

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def remux_argv(ffmpeg: str, inputs: Sequence[Input], job: Remux, output: Path) -> list[str]:
    """The command that copies ``job.streams`` of ``inputs`` into ``output``."""
    argv = [ffmpeg, "-nostdin", "-hide_banner", "-loglevel", "error", "-y"]
    for source in inputs:
        argv += ["-protocol_whitelist", "file,pipe", "-f", source.demuxer, "-i", f"file:{source.path}"]
    for input_index, stream_index in job.streams:
        argv += ["-map", f"{input_index}:{stream_index}"]
    argv += ["-c", "copy", "-map_metadata", "-1", "-map_chapters", "-1"]
    if job.hvc1:
        argv += ["-tag:v", "hvc1"]
    if job.format.muxer in ("mp4", "ipod"):
        # The index at the front: a player starts, and a Range request lands, before all of it has arrived.
        argv += ["-movflags", "+faststart"]
    return [*argv, "-f", job.format.muxer, f"file:{output}"]


def run(argv: Sequence[str], *, timeout: float, keep_fds: Sequence[int] = ()) -> None:
    """Run ``argv`` to its end in this process group, with an empty environment.

    ``keep_fds`` stay open in it: a lock that must be held while anything writes. Raises Problem: CORRUPT_MEDIA
    when FFmpeg fails or takes longer than ``timeout`` seconds, DISK_FULL, TOO_LARGE at the file size limit.
    """
    try:
        done = subprocess.run(  # noqa: S603 - argv comes from remux_argv: no shell, no stranger's word
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={"LC_ALL": "C"},
            pass_fds=tuple(keep_fds),
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Problem(Code.CORRUPT_MEDIA, f"the streams could not be copied within {timeout:.0f} s") from None
    if done.returncode == 0:
        return
    said = done.stderr[-_KEPT_STDERR:].decode("utf-8", "replace")
    if os.strerror(errno.ENOSPC) in said:
        raise Problem(Code.DISK_FULL, "the disk filled up while the streams were copied")
    if os.strerror(errno.EFBIG) in said or done.returncode == -signal.SIGXFSZ:
        raise Problem(Code.TOO_LARGE, "the copy of the streams reached the size limit")
    last = re.sub(r"\[[^\]]* @ 0x[0-9a-f]+\]\s*|file:\S+", "", said.strip().rpartition("\n")[2])
    raise Problem(Code.CORRUPT_MEDIA, f"the streams could not be copied: {last[:160]}")
