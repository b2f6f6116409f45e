"""Reading an environment: from a file, by the name of one that ships, or from a stack's Pulumi config.

Everything that can be wrong ends in ``ConfigError`` with the file and the field, before any program runs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from reelplane_infra.config.environment import Environment

SHIPPED = Path(__file__).resolve().parents[2] / "environments"
"""The environments by users served."""


class ConfigError(ValueError):
    """An environment that cannot be used: which file, which field, what would be right."""


def load(source: str | Path) -> Environment:
    """The environment in a file (YAML), or the shipped one of that name: dev, startup, global.

    Raises ConfigError.
    """
    path = Path(source)
    shipped = SHIPPED / f"{source}.yaml"
    if path.suffix not in {".yaml", ".yml", ".json"}:
        if not shipped.is_file():
            known = ", ".join(sorted(each.stem for each in SHIPPED.glob("*.yaml")))
            raise ConfigError(f"{source}: no environment of that name ships ({known}); a file ends in .yaml")
        path = shipped
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    return parse(text, str(path))


def parse(text: str, source: str) -> Environment:
    """The environment written in ``text``, YAML or JSON; ``source`` is named in errors. Raises ConfigError."""
    try:
        data: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{source}: not YAML: {error}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{source}: an environment is a map of fields, this is {type(data).__name__}")
    try:
        return Environment.model_validate_json(json.dumps(data))
    except (ValidationError, TypeError) as error:
        raise ConfigError(f"{source}: {_told(error)}") from error


def from_config(value: str, root: Path) -> Environment:
    """The environment of the key ``reelplane:environment``: a document, a file below ``root``, or a shipped name.

    Raises ConfigError.
    """
    text = value.strip()
    if text.startswith("{"):
        return parse(text, "config reelplane:environment")
    return load(root / text if text.endswith((".yaml", ".yml", ".json")) else text)


def _told(error: ValidationError | TypeError) -> str:
    if isinstance(error, TypeError):
        return str(error)
    lines = (f"{'.'.join(map(str, each['loc'])) or 'environment'}: {each['msg']}" for each in error.errors())
    return "; ".join(lines)
