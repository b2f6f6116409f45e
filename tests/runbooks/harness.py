"""Reads a runbook page as a program: its sections, and its command blocks in the order in which a person runs them.

    page.md ──read──► Page(title, alerts, sections, blocks) ──Runner.run(block)──► Result(code, output)

The format is runbooks/README.md's. A block is run as it stands, by ``bash -euo pipefail``, with the four variables
of a page and a kubeconfig, and with kubectl and the plugin on the PATH.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "runbooks"
SECTIONS = ("Meaning", "Impact", "Diagnosis", "Mitigation")
VARIABLES = frozenset({"NAMESPACE", "PLATFORM", "PIPELINE", "REGION"})
_SHOWS = re.compile(r"^# shows: (.+)$", re.MULTILINE)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """Commands between two fences. ``shows``: a regular expression that the output matches when it worked."""

    page: str
    section: str
    line: int
    """Of the page's file, at which the first command stands."""
    code: str
    shows: str | None

    @property
    def variables(self) -> set[str]:
        """Variables that are read and not set by the block itself; names of ours are in capitals."""
        read = set(re.findall(r"\$\{?([A-Za-z_]\w*)", self.code))
        made = set(re.findall(r"(?:^|[\s;(])([A-Za-z_]\w*)=", self.code))
        made |= set(re.findall(r"\bfor (\w+) in\b", self.code))
        for names in re.findall(r"\bread -r ([\w ]+?)(?:<|$)", self.code):
            made |= set(names.split())
        return read - made

    def __str__(self) -> str:
        return f"{self.page}.md:{self.line}"


@dataclass(frozen=True, slots=True)
class Page:
    """One way of failing."""

    name: str
    title: str
    alerts: tuple[str, ...]
    sections: Mapping[str, str]
    blocks: tuple[Block, ...]

    def of(self, section: str) -> list[Block]:
        return [block for block in self.blocks if block.section == section]


def names() -> list[str]:
    """All pages."""
    return sorted(path.stem for path in FOLDER.glob("*.md") if path.stem != "README")


def read(name: str) -> Page:
    """A page by its file's name, without the suffix."""
    text = (FOLDER / f"{name}.md").read_text()
    # Headings inside of a block are comments of the shell.
    plain = _FENCE.sub(lambda fence: re.sub(r"[^\n]", " ", fence.group(0)), text)
    heads = [(match.start(), match.group(1)) for match in re.finditer(r"^## (.+)$", plain, re.MULTILINE)]
    ends = [*(start for start, _ in heads[1:]), len(text)]
    spans = [(head, start, end) for (start, head), end in zip(heads, ends, strict=True)]
    blocks = []
    for fence in _FENCE.finditer(text):
        if fence.group(1) != "bash":
            continue
        section = next((head for head, start, end in spans if start <= fence.start() < end), "")
        shows = _SHOWS.search(fence.group(2))
        line = text.count("\n", 0, fence.start()) + 2
        blocks.append(Block(name, section, line, fence.group(2), shows.group(1) if shows else None))
    title = re.match(r"# (.+)\n", text)
    told = re.search(r"^Alerts: (.+)$", plain, re.MULTILINE)
    return Page(
        name,
        title.group(1) if title else "",
        tuple(told.group(1).split(", ")) if told else (),
        {head: text[start:end].partition("\n")[2].strip() for head, start, end in spans},
        tuple(blocks),
    )


@dataclass(frozen=True, slots=True)
class Result:
    """What a block did. ``missing``: what its output should have shown and did not."""

    block: Block
    code: int
    output: str

    @property
    def missing(self) -> str | None:
        shows = self.block.shows
        return shows if shows and not re.search(shows, self.output) else None

    def __str__(self) -> str:
        return (
            f"{self.block} ({self.block.section}) ended with {self.code}:\n{self.block.code}\n{self.output}"
        )


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs blocks against a cluster. ``programs`` are folders that hold kubectl and kubectl-reelplane."""

    kubeconfig: Path
    variables: Mapping[str, str]
    programs: tuple[Path, ...]
    home: Path

    def run(self, block: Block, within: float = 700.0) -> Result:
        """Run it as a person would paste it. A block that hangs counts as one that failed."""
        path = os.pathsep.join([*map(str, self.programs), os.environ["PATH"]])
        environment = {
            "PATH": path,
            "HOME": str(self.home),
            "KUBECONFIG": str(self.kubeconfig),
            "LC_ALL": "C.UTF-8",
        }
        try:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block.code],
                env=environment | dict(self.variables),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=within,
                cwd=self.home,
            )
        except subprocess.TimeoutExpired as late:
            said = late.stdout.decode() if isinstance(late.stdout, bytes) else late.stdout or ""
            return Result(block, 124, f"{said}\nnot done within {within:.0f} s")
        return Result(block, done.returncode, done.stdout)
