"""YAML text to plain values with the line of every key: the reading half of ``load``.

PyYAML composes nodes, which carry marks; values are built from them here, so that a mistake can be shown where
it stands. What YAML allows but kubectl would misread or a person would not mean is refused: duplicate keys,
merge keys, keys that are not text, nesting and aliases without end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

Path = tuple[str | int, ...]
_MAX_NODES = 100_000
"""Values in one file. Aliases can make a few lines mean billions of them."""
_MAX_DEPTH = 50


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something wrong in the text itself. ``line`` counts from 1."""

    line: int
    path: Path
    message: str
    fix: str


@dataclass(slots=True)
class Document:
    """One document of a file: its plain value, where its parts stand, and what is wrong with its text."""

    value: Any
    line: int
    lines: dict[Path, int] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def line_of(self, path: Path) -> int:
        """Line of the value at ``path``, or of the nearest part around it that exists."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return self.line


class _Loader(yaml.SafeLoader):
    """SafeLoader that leaves dates and ``1:30`` as text: no field of ours is a date, and base 60 surprises."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, form) for tag, form in resolvers if tag.rpartition(":")[2] not in ("timestamp", "int", "float")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?(0|[1-9][0-9]*)$"), list("-+0123456789")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9]+(\.[0-9]*([eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)$"),
    list("-+0123456789"),
)


def read(text: str) -> Iterator[Document]:
    """Yield the documents of a YAML text; empty ones are skipped, a syntax error ends the reading as a mistake."""
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        yield _failed(line, f"character U+{error.character:04X} cannot stand in YAML", "remove it")
        return
    budget, line = _Budget(), 1
    try:
        while loader.check_node() and (node := loader.get_node()):
            line = node.start_mark.line + 1
            document = Document(value=None, line=line)
            document.value = _value(node, (), document, loader, budget)
            if document.value is not None or document.mistakes:
                yield document
    except yaml.composer.ComposerError as error:
        # Its text quotes the alias, which may be the start of an unquoted password.
        fix = "quote the text if it is meant to start with * or &"
        yield _failed(_line(error), "not YAML: an alias (*) without its anchor (&), or an anchor twice", fix)
    except yaml.MarkedYAMLError as error:
        reason = " ".join(part for part in (error.context, error.problem) if part)
        yield _failed(_line(error), f"not YAML: {reason}", "check indentation, quotes and brackets here")
    except (RecursionError, _TooMuchError):
        yield _failed(
            line, "nested too deeply or too large", "write plain objects, at most a few levels deep"
        )
    finally:
        loader.dispose()


def _line(error: yaml.MarkedYAMLError) -> int:
    mark = error.problem_mark or error.context_mark
    return mark.line + 1 if mark else 1


class _TooMuchError(Exception):
    """The document means more values than a file of objects ever holds."""


@dataclass(slots=True)
class _Budget:
    left: int = _MAX_NODES

    def spend(self, depth: int) -> None:
        self.left -= 1
        if self.left < 0 or depth > _MAX_DEPTH:
            raise _TooMuchError


def _failed(line: int, message: str, fix: str) -> Document:
    return Document(value=None, line=line, mistakes=[Mistake(line, (), message, fix)])


def _value(node: yaml.Node, path: Path, document: Document, loader: _Loader, budget: _Budget) -> Any:
    budget.spend(len(path))
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            document.lines[(*path, index)] = child.start_mark.line + 1
        return [
            _value(child, (*path, index), document, loader, budget) for index, child in enumerate(node.value)
        ]
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, document, loader, budget)
    try:
        return loader.construct_object(node)
    except (yaml.constructor.ConstructorError, ValueError):
        line = node.start_mark.line + 1
        document.mistakes.append(
            Mistake(line, path, "is not a plain value", "quote it if it is meant as text")
        )
        return None


def _mapping(
    node: yaml.MappingNode, path: Path, document: Document, loader: _Loader, budget: _Budget
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
        if key_node.tag == "tag:yaml.org,2002:merge":
            mistake = Mistake(line, path, "merge keys (<<) are not read here", "write the fields out")
        elif key is None or key_node.tag != "tag:yaml.org,2002:str":
            mistake = Mistake(
                line, path, "a key must be text", f'quote it: "{key}"' if key else "write a word"
            )
        elif key in result:
            first = document.lines[(*path, key)]
            mistake = Mistake(line, (*path, key), f"stands twice, first on line {first}", "keep one of them")
        else:
            document.lines[(*path, key)] = line
            result[key] = _value(value_node, (*path, key), document, loader, budget)
            continue
        document.mistakes.append(mistake)
    return result
