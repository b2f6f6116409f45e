"""Real clips, made on demand with FFmpeg: a moving test picture and a tone, so that a player has something to show."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg

PAD_BLOCK = 2**20


def make_clip(
    path: Path,
    *,
    seconds: float = 4.0,
    width: int = 320,
    height: int = 180,
    rate: int = 25,
    tone: int = 440,
    video: bool = True,
    audio: bool = True,
    codecs: tuple[str, str] = ("libx264", "aac"),
    pad_to: int | None = None,
) -> Path:
    """Encode a clip into ``path`` (its suffix selects the container) and return the path.

    ``tone`` is in hertz: clips with different tones are different files. ``pad_to`` grows an MP4 to that many bytes
    with a ``free`` box (ISO/IEC 14496-12 section 8.1.2), so that a large file costs no encoding.
    """
    argv = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-loglevel", "error", "-y"]
    if video:
        argv += ["-f", "lavfi", "-i", f"testsrc2=size={width}x{height}:rate={rate}:duration={seconds}"]
    if audio:
        argv += ["-f", "lavfi", "-i", f"sine=frequency={tone}:sample_rate=44100:duration={seconds}"]
    if video:
        argv += ["-c:v", codecs[0], "-pix_fmt", "yuv420p", "-g", str(rate)]
        argv += ["-preset", "ultrafast"] if codecs[0] == "libx264" else []
    if audio:
        argv += ["-c:a", codecs[1], "-strict", "experimental"]
    if path.suffix in (".mp4", ".m4a", ".mov"):
        argv += ["-movflags", "+faststart"]
    subprocess.run([*argv, str(path)], check=True, stdin=subprocess.DEVNULL)
    if pad_to is not None:
        _pad(path, pad_to)
    return path


def make_hls(clip: Path, folder: Path, *, segment: float = 1.0, fragmented: bool = False) -> Path:
    """Cut ``clip`` into HLS segments in ``folder`` and return the media playlist (``index.m3u8``).

    ``fragmented``: fMP4 segments with an initialisation segment, instead of MPEG transport streams.
    """
    folder.mkdir(parents=True, exist_ok=True)
    playlist = folder / "index.m3u8"
    argv = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-nostdin",
        "-hide_banner",
        "-loglevel",
        "error",
        "-y",
        "-i",
        str(clip),
    ]
    argv += ["-c", "copy", "-f", "hls", "-hls_time", str(segment), "-hls_playlist_type", "vod"]
    argv += ["-hls_segment_type", "fmp4" if fragmented else "mpegts", str(playlist)]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, cwd=folder)
    return playlist


def _pad(path: Path, size: int) -> None:
    missing = size - path.stat().st_size
    if missing < 8 or missing >= 2**32:
        raise ValueError(f"cannot pad {path.name} by {missing} bytes: a free box has 8 bytes to 4 GiB")
    with path.open("ab") as file:
        file.write(missing.to_bytes(4, "big") + b"free")
        left = missing - 8
        while left:
            file.write(bytes(min(left, PAD_BLOCK)))
            left -= min(left, PAD_BLOCK)
