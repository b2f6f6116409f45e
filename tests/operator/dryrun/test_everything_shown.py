"""Whatever a reader may copy, an API server takes as it stands: every object of a page, and the laptop's sample.

The samples for clusters are taken in ``tests/crds/test_samples.py``, the rules of the runbooks are judged by promtool
in ``tests/runbooks``, and the installation is applied in ``tests/operator/install``.
"""

from __future__ import annotations

import re
import textwrap
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.testbed.given import Cluster

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[3]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(page for folder in ("docs", "runbooks") for page in (ROOT / folder).rglob("*.md"))]
)
_FENCED = re.compile(r"^( *)```(?:yaml|yml|json)?\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_OBJECT = re.compile(r"^\s*\"?apiVersion\"?:", re.MULTILINE)

Object = dict[str, Any]


def shown(page: Path) -> list[Object]:
    """The objects in the fenced blocks of a page."""
    blocks = [textwrap.dedent(found[2]) for found in _FENCED.finditer(page.read_text())]
    documents = [each for text in blocks if _OBJECT.search(text) for each in yaml.safe_load_all(text)]
    return [each for each in documents if isinstance(each, dict) and each.keys() >= {"apiVersion", "kind"}]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.fixture(scope="module")
def taken(crds: Cluster) -> Iterator[Any]:
    """``taken(text)``: what a server's dry run says of objects in a namespace that is there."""
    namespace = f"shown-{uuid.uuid4().hex[:8]}"
    crds.kubectl("create", "namespace", namespace)
    command = ("-n", namespace, "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
    yield lambda text: crds.kubectl(*command, input=text)
    crds.kubectl("delete", "namespace", namespace, "--wait=false")


@pytest.mark.parametrize("page", [page for page in PAGES if shown(page)], ids=name)
def test_a_server_takes_every_object_that_a_page_shows(page: Path, taken: Any) -> None:
    # One by one: a page may show the same object twice, before and after.
    for each in shown(page):
        done = taken(yaml.safe_dump(each))
        assert "serverside-applied" in done.stdout
        assert done.stderr == "", "warnings"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_object_of_a_page_is_overlooked(page: Path) -> None:
    assert len(shown(page)) == len(_OBJECT.findall(page.read_text()))


def test_a_server_takes_the_sample_for_one_machine(taken: Any) -> None:
    sample = ROOT / "samples" / "local.yaml"
    done = taken(sample.read_text())
    assert len(done.stdout.splitlines()) == len(list(yaml.safe_load_all(sample.read_text())))
    assert done.stderr == "", "warnings"


def test_every_sample_is_taken_somewhere() -> None:
    found = {name(path) for path in (ROOT / "samples").rglob("*") if path.is_file()}
    clusters = {f"samples/cluster/{each}.yaml" for each in ("development", "production", "regions")}
    assert found == {"samples/local.yaml", *clusters}
