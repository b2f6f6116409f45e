"""What a check has to say about one place of a recorded plan.

Every check is a pure function of a plan and yields findings; reports and exit codes are made of them alone. A
``mandatory`` finding fails a preview, an ``advisory`` one is printed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    MANDATORY = "mandatory"
    ADVISORY = "advisory"


@dataclass(frozen=True, order=True)
class Finding:
    """One fault: where it is (``stack``, ``urn``, the input's ``path``), the rule it breaks and what would be right."""

    stack: str
    urn: str
    path: str
    rule: str
    message: str
    level: Level = Level.MANDATORY

    def __str__(self) -> str:
        name = self.urn.rsplit("::", maxsplit=1)[-1]
        place = f"{name}.{self.path}" if self.path else name
        return f"{self.level} {self.stack} {place}: {self.message} [{self.rule}]"

    def to_json(self) -> dict[str, str]:
        """The fields under their names, all strings."""
        return {field: str(value) for field, value in asdict(self).items()}
