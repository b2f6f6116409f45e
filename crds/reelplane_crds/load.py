"""Files of objects, read and checked: what is valid comes back typed, what is not is refused with every error.

    text ──yamltext──► plain values + lines ──pydantic──► objects
                                                └─explain─► errors with file, line, path and what would be right

A file holds YAML documents of our kinds and of core/v1 Secrets. Whether one object refers to another that exists
is the planner's question, not this module's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from reelplane_crds import yamltext
from reelplane_crds.explain import closest, findings
from reelplane_crds.kinds import (
    API_VERSION,
    KINDS,
    ProxyPool,
    RegionDeployment,
    Resource,
    Secret,
    VideoPipeline,
    VideoPlatform,
)

MAX_FILE = 4 * 2**20
"""Bytes of one file. An object on a cluster holds at most 1.5 MiB (etcd's limit on a request)."""

_TYPES: dict[str, tuple[str, type[Resource] | type[Secret]]] = {
    **{kind.__name__: (API_VERSION, kind) for kind in KINDS},
    "Secret": ("v1", Secret),
}


@dataclass(frozen=True, slots=True)
class FileError:
    """One thing that is wrong. ``line`` counts from 1 (0: the file as a whole); ``path`` is ``spec.api.port``."""

    file: str
    line: int
    path: str
    message: str
    fix: str
    subject: str = ""
    """The object it is about, ``VideoPlatform/reels``; empty when it is not known."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        where = " ".join(part for part in (self.subject, self.path) if part)
        return f"{place}: {where + ': ' if where else ''}{self.message}; {self.fix}"


class InvalidFile(Exception):
    """The files cannot be used. ``errors`` holds all that is wrong, by file and line."""

    def __init__(self, errors: Sequence[FileError]) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = list(errors)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object stands, so that others may point at it: ``lines`` maps paths like ``spec.platform``."""

    file: str
    line: int
    lines: Mapping[str, int]

    def at(self, path: str) -> str:
        """``file:line`` of a path, or of the nearest part around it that the file has."""
        while path and path not in self.lines:
            path = path.rpartition(".")[0]
        return f"{self.file}:{self.lines.get(path, self.line)}"


Identity = tuple[str, str, str]
"""Kind, namespace (``default`` when not given) and name."""


@dataclass(frozen=True, slots=True)
class Documents:
    """What the files declare, in the order in which it stands there."""

    platforms: tuple[VideoPlatform, ...] = ()
    pipelines: tuple[VideoPipeline, ...] = ()
    proxy_pools: tuple[ProxyPool, ...] = ()
    regions: tuple[RegionDeployment, ...] = ()
    secrets: tuple[Secret, ...] = ()
    places: Mapping[Identity, Place] = field(default_factory=dict)

    def place(self, item: Resource | Secret) -> Place:
        """Where one of these objects stands."""
        return self.places[_identity(item)]


def load_files(paths: Iterable[Path | str]) -> Documents:
    """Read files, and folders' ``*.yaml`` and ``*.yml`` in name order. Raises InvalidFile with all errors."""
    collected = _Collected()
    for path in paths:
        for file in _files(Path(path)):
            text = _text(file)
            if isinstance(text, FileError):
                collected.errors.append(text)
            else:
                collected.add(text, str(file))
    return collected.documents()


def load_text(text: str, name: str = "<input>") -> Documents:
    """Read objects from a text that errors call ``name``. Raises InvalidFile with all errors."""
    collected = _Collected()
    collected.add(text, name)
    return collected.documents()


def _files(path: Path) -> list[Path]:
    return (
        sorted(each for each in path.iterdir() if each.suffix in (".yaml", ".yml"))
        if path.is_dir()
        else [path]
    )


def _text(file: Path) -> str | FileError:
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_FILE + 1)
        if len(raw) > MAX_FILE:
            return FileError(str(file), 0, "", f"larger than {MAX_FILE} bytes", "split it into several files")
        return raw.decode()
    except OSError as error:
        return FileError(
            str(file), 0, "", f"cannot be read: {error.strerror}", "check the path and its permissions"
        )
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return FileError(str(file), line, "", "not UTF-8 text", "save it as UTF-8")


@dataclass(slots=True)
class _Collected:
    items: list[Resource | Secret] = field(default_factory=list)
    errors: list[FileError] = field(default_factory=list)
    places: dict[Identity, Place] = field(default_factory=dict)

    def add(self, text: str, file: str) -> None:
        found: list[FileError] = []
        for document in yamltext.read(text):
            found += self._document(document, file)
        self.errors += sorted(found, key=lambda error: error.line)

    def _document(self, document: yamltext.Document, file: str) -> list[FileError]:
        subject = _subject(document.value)
        errors = [
            FileError(file, each.line, _dotted(each.path), each.message, each.fix, subject)
            for each in document.mistakes
        ]
        if document.value is None:
            return errors
        model = _model_of(document, file, subject)
        if isinstance(model, FileError):
            return [*errors, model]
        try:
            item = model.model_validate(document.value)
        except ValidationError as error:
            told = {each.path for each in document.mistakes}
            for each in findings(model, document.value, error, secret=model is Secret):
                if each.path in told:
                    continue  # What the text made of it has been reported already.
                line = document.line_of(each.path)
                errors.append(FileError(file, line, _dotted(each.path), each.message, each.fix, subject))
            return errors
        if not errors:
            errors += self._keep(item, document, file, subject)
        return errors

    def _keep(
        self, item: Resource | Secret, document: yamltext.Document, file: str, subject: str
    ) -> list[FileError]:
        identity = _identity(item)
        if earlier := self.places.get(identity):
            line = document.line_of(("metadata", "name"))
            message = f"declared before, at {earlier.file}:{earlier.line}"
            return [
                FileError(file, line, "metadata.name", message, "remove one or give it another name", subject)
            ]
        lines = {_dotted(path): line for path, line in document.lines.items()}
        self.places[identity] = Place(file, document.line, lines)
        self.items.append(item)
        return []

    def documents(self) -> Documents:
        if self.errors:
            raise InvalidFile(self.errors)
        return Documents(
            platforms=tuple(each for each in self.items if isinstance(each, VideoPlatform)),
            pipelines=tuple(each for each in self.items if isinstance(each, VideoPipeline)),
            proxy_pools=tuple(each for each in self.items if isinstance(each, ProxyPool)),
            regions=tuple(each for each in self.items if isinstance(each, RegionDeployment)),
            secrets=tuple(each for each in self.items if isinstance(each, Secret)),
            places=self.places,
        )


def _model_of(
    document: yamltext.Document, file: str, subject: str
) -> type[Resource] | type[Secret] | FileError:
    """The model that a document's kind and apiVersion ask for."""

    def refused(path: str, message: str, fix: str) -> FileError:
        return FileError(file, document.line_of((path,)), path, message, fix, subject)

    if not isinstance(document.value, dict):
        return refused("", "an object is expected", f"start with 'apiVersion: {API_VERSION}' and 'kind: ...'")
    kind, version = document.value.get("kind"), document.value.get("apiVersion")
    if not isinstance(kind, str) or kind not in _TYPES:
        known = ", ".join(_TYPES)
        meant = closest(kind, _TYPES) if isinstance(kind, str) else None
        message = "is missing" if kind is None else f"{kind!r} is not a kind that is read here"
        return refused("kind", message, f"did you mean {meant}?" if meant else f"it is one of {known}")
    wanted, model = _TYPES[kind]
    if version != wanted:
        message = (
            "is missing" if version is None else f"{version!r} is not a version of {kind} that is read here"
        )
        return refused("apiVersion", message, f"write {wanted}")
    return model


def _identity(item: Resource | Secret) -> Identity:
    return (type(item).__name__, item.metadata.namespace or "default", item.metadata.name)


def _subject(value: Any) -> str:
    """``kind/name`` as far as a document that may be wrong tells it."""
    if not isinstance(value, dict):
        return ""
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    kind = value.get("kind")
    return f"{kind if isinstance(kind, str) else '?'}/{name if isinstance(name, str) else '?'}"


def _dotted(path: yamltext.Path) -> str:
    """``spec.egress.allow[0].cidr``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
