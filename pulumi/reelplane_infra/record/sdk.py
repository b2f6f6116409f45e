"""What the SDK's own classes say about a resource type: its inputs and outputs, with their types.

The classes are found by type token in the registry that each SDK package fills when it is imported, and only the
module of the asked type is loaded. Nothing here runs a program.
"""

from __future__ import annotations

import importlib
import inspect
import threading
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar, get_type_hints

import pulumi
from pulumi import _types
from pulumi.runtime import rpc

PACKAGES = {"aws": "pulumi_aws", "kubernetes": "pulumi_kubernetes"}
"""Prefix of a type token -> package of the SDK."""


_LOADING = threading.RLock()
"""The SDK's modules load themselves on first use, which two threads must not do at once."""


class UnknownType(ValueError):
    """A type token that no SDK package has."""


@dataclass(frozen=True, slots=True)
class Property:
    """One property of a resource type."""

    name: str
    """On the wire: camelCase."""
    type: Any
    """What it holds when it is known, without ``Output`` and ``Optional``; of an input, the annotation as it is."""
    optional: bool


@cache
def resource_class(token: str) -> type[pulumi.Resource]:
    """The SDK's class of ``token``. Raises UnknownType."""
    package, _, rest = token.partition(":")
    fqn = PACKAGES.get(package)
    if fqn is None:
        raise UnknownType(f"{token}: of no provider in use ({', '.join(sorted(PACKAGES))})")
    with _LOADING:
        importlib.import_module(fqn)
        for module in rpc._RESOURCE_MODULES.get(f"{package}:{rest.partition(':')[0]}", ()):
            info = vars(module)["mod_info"]
            name = info["classes"].get(token)
            if name is not None:
                found: type[pulumi.Resource] = getattr(importlib.import_module(info["fqn"]), name)
                return found
        if package == "kubernetes" and "." in rest.partition("/")[0]:
            # Kinds that a CRD brings have one class for all of them, which is in no registry.
            return importlib.import_module(f"{fqn}.apiextensions").CustomResource  # type: ignore[no-any-return]
    raise UnknownType(f"{token}: {fqn} has no resource type of that name")


@cache
def outputs(token: str) -> tuple[Property, ...]:
    """Every output of a type, from its class's getters. Raises UnknownType."""
    found = []
    with _LOADING:
        hints = _getters(resource_class(token))
    for name, hint in hints.items():
        inner = hint.__args__[0] if getattr(hint, "__origin__", None) is pulumi.Output else hint
        bare = _types.unwrap_optional_type(inner)
        found.append(Property(name, bare, bare is not inner))
    return tuple(found)


def _getters(cls: type) -> dict[str, Any]:
    """Name on the wire -> what the getter of it promises."""
    getters = [
        each.fget for each in vars(cls).values() if isinstance(each, property) and each.fget is not None
    ]
    names = {getattr(each, "_pulumi_name", None): each for each in getters}
    # ``pulumi.Input[T]`` speaks of ``Output[T]`` by names that are not there where it is used.
    own = {"Output": pulumi.Output, "T": TypeVar("T")}
    return {
        name: get_type_hints(each, None, own)["return"] for name, each in names.items() if name is not None
    }


@cache
def inputs(token: str) -> tuple[Property, ...]:
    """Every input of a type, from its class of arguments. Raises UnknownType."""
    with _LOADING:
        cls = resource_class(token)
        module = importlib.import_module(cls.__module__)
        names = (f"{cls.__name__}{suffix}" for suffix in ("InitArgs", "Args"))
        return arguments(next(getattr(module, name) for name in names if hasattr(module, name)))


@cache
def arguments(cls: type) -> tuple[Property, ...]:
    """Every property of an input type (an ``@input_type`` class); what its constructor must be given is required."""
    parameters = inspect.signature(cls).parameters
    names = _types.input_type_py_to_pulumi_names(cls)
    with _LOADING:
        hints = _getters(cls)
    return tuple(
        Property(
            wire,
            hints[wire],
            python not in parameters or parameters[python].default is not inspect.Parameter.empty,
        )
        for python, wire in names.items()
    )


@cache
def fields(cls: type) -> tuple[Property, ...]:
    """Every property of an output type (an ``@output_type`` class)."""
    hints = _types.output_type_types(cls)
    names = _types._py_to_pulumi_names_from_py_properties(cls)
    found = []
    for python, hint in hints.items():
        bare = _types.unwrap_optional_type(hint)
        found.append(Property(names.get(python, python), bare, bare is not hint))
    return tuple(found)
