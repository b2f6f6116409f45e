"""Which target a command line means: this machine, or a cluster (docs/decisions/0005).

``kubectl reelplane …`` means a cluster. ``reelplane …`` means this machine, unless it names a cluster
(``--context``, ``--kubeconfig``, ``-n``) or uses a word that only a cluster has. Pure: words in, words out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

PLUGIN = "kubectl-reelplane"
"""The file name by which kubectl finds the plugin."""
CLUSTER_ONLY = frozenset({"pause", "resume", "drain", "logs", "report"})
_CONNECTION = ("--context", "--kubeconfig", "--namespace", "-n")
"""Options that say where a cluster is, each with a value, as kubectl has them."""


@dataclass(frozen=True, slots=True)
class Aim:
    """Whether a cluster is meant, what the command is called in its help, and its words."""

    cluster: bool
    program: str
    words: tuple[str, ...]


def aim(program: str, words: Sequence[str]) -> Aim:
    """``program`` is argv[0], ``words`` the rest. A cluster's connection options are moved to the front.

    kubectl lets them stand anywhere; typer wants those of the whole command before its word.
    """
    plugin = PurePath(program).stem == PLUGIN
    connection, rest = _apart(words)
    named = next((word for word in rest if not word.startswith("-")), "")
    if not plugin and not connection and named not in CLUSTER_ONLY:
        return Aim(False, "reelplane", tuple(words))
    return Aim(True, "kubectl reelplane" if plugin else "reelplane", (*connection, *rest))


def _apart(words: Sequence[str]) -> tuple[list[str], list[str]]:
    connection: list[str] = []
    rest: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        name, equals, _ = word.partition("=")
        if word == "--":
            return connection, [*rest, word, *left]
        if name in _CONNECTION and equals:
            connection.append(word)
        elif word in _CONNECTION:
            # Without its value it stays at the end, so that the parser says what is missing.
            connection += [word, left.pop(0)] if left else [word]
        elif word.startswith("-n") and not word.startswith("--") and len(word) > 2:
            connection += ["-n", word[2:]]
        else:
            rest.append(word)
    return connection, rest
