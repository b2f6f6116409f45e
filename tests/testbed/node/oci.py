"""Writes OCI image archives without a registry or an engine: layers, a config, a manifest, an index.

An archive is a tar of the layout that https://github.com/opencontainers/image-spec describes; ``ctr images import``
and ``docker load`` read it. Layers are not compressed: they are unpacked on the machine that made them.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAME = "io.containerd.image.name"
"""Annotation of an index' entry: the whole name that the image is imported by."""
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_NONROOT = 65532


@dataclass(frozen=True, slots=True)
class Image:
    """What runs, as whom. Paths are absolute in the image."""

    entrypoint: Sequence[str]
    user: str = f"{_NONROOT}:{_NONROOT}"
    env: Mapping[str, str] = field(default_factory=dict)


def architecture() -> str:
    """This machine's, as images name it."""
    return _ARCHITECTURES.get(platform.machine(), platform.machine())


def layer(files: Mapping[str, Path | bytes]) -> bytes:
    """A layer of programs: absolute path in the image -> a file, or what is in it. Modes are those of programs.

    /tmp is there for everybody, and /etc/passwd knows ``nonroot``. Equal contents give equal bytes.
    """
    given: dict[str, Path | bytes] = {
        "/etc/passwd": f"root:x:0:0::/:/\nnonroot:x:{_NONROOT}:{_NONROOT}::/:/\n".encode(),
        **files,
    }
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        folders = {str(parent)[1:] for path in given for parent in Path(path).parents} - {""}
        for folder in sorted({*folders, "tmp"}):
            entry = tarfile.TarInfo(folder)
            entry.type = tarfile.DIRTYPE
            entry.mode = 0o1777 if folder == "tmp" else 0o755
            tar.addfile(entry)
        for path in sorted(given):
            source = given[path]
            _add(tar, path[1:], source.read_bytes() if isinstance(source, Path) else source, 0o755)
    return made.getvalue()


def write(archive: Path, name: str, image: Image, layers: Sequence[bytes]) -> None:
    """Write the archive of an image made of ``layers``, to be imported by ``name``."""
    blobs: dict[str, bytes] = {}

    def blob(media_type: str, content: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        blobs[digest] = content
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    described = [blob(_LAYER, each) for each in layers]
    config = {
        "architecture": architecture(),
        "os": "linux",
        "config": {
            "Entrypoint": list(image.entrypoint),
            "User": image.user,
            "Env": [f"{name}={value}" for name, value in image.env.items()],
        },
        "rootfs": {"type": "layers", "diff_ids": [each["digest"] for each in described]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": blob(_CONFIG, _json(config)),
        "layers": described,
    }
    index = {
        "schemaVersion": 2,
        "manifests": [{**blob(_MANIFEST, _json(manifest)), "annotations": {NAME: name}}],
    }
    archive.parent.mkdir(parents=True, exist_ok=True)
    new = archive.with_name(archive.name + ".new")
    with tarfile.open(new, "w") as tar:
        _add(tar, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(tar, "index.json", _json(index))
        for digest, content in blobs.items():
            _add(tar, f"blobs/sha256/{digest}", content)
    new.replace(archive)


def _add(tar: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.size = mode, len(content)
    tar.addfile(entry, io.BytesIO(content))


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
