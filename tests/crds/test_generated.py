"""Generated files are fresh, complete, and say how to make them again; the sample and the guides load."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

import pytest

from reelplane_crds.generate import CRDS, PAGES, generated, main, stale
from reelplane_crds.kinds import KINDS, Resource
from reelplane_crds.load import load_files, load_text
from reelplane_crds.reference import guide, page
from reelplane_crds.schema import openapi

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples" / "local.yaml"


def test_generated_files_in_the_tree_are_fresh() -> None:
    assert stale(ROOT) == [], "run `make generate`"


def test_check_names_what_is_stale_missing_or_left_over_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = ["--root", str(tmp_path)]
    assert main(root) == 0
    assert main([*root, "--check"]) == 0
    (tmp_path / PAGES / "VideoPlatform.md").write_text("old")
    (tmp_path / PAGES / "ProxyPool.md").unlink()
    (tmp_path / CRDS / "reelplane.io_gone.yaml").write_text("left")
    assert main([*root, "--check"]) == 1
    told = capsys.readouterr().err
    assert "docs/kinds/VideoPlatform.md: stale" in told
    assert "docs/kinds/ProxyPool.md: missing" in told
    assert "crds/generated/reelplane.io_gone.yaml: no longer generated" in told
    assert "make generate" in told
    assert (tmp_path / PAGES / "VideoPlatform.md").read_text() == "old"


def test_every_generated_file_says_how_to_make_it_again() -> None:
    files = generated()
    assert len(files) == 2 * len(KINDS)
    for path, text in files.items():
        assert "`make generate`" in text.splitlines()[0], path


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_page_lists_every_field_and_rule(kind: type[Resource]) -> None:
    text = page(kind)

    def walk(node: dict[str, object], path: str) -> None:
        properties = node.get("properties")
        for name, child in properties.items() if isinstance(properties, dict) else ():
            assert f"`{path}.{name}`" in text
            if child.get("x-kubernetes-map-type") != "atomic":
                walk(child, f"{path}.{name}")
        for rule in node.get("x-kubernetes-validations", []) if node["type"] == "object" else ():  # type: ignore[attr-defined]
            assert rule["message"].partition(", e.g. ")[0] in text

    properties = openapi(kind)["properties"]
    walk(properties["spec"], "spec")
    walk(properties["status"], "status")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_example_of_a_guide_loads(kind: type[Resource]) -> None:
    examples = re.findall(r"```yaml\n(.*?)```", guide(kind), re.DOTALL)
    assert examples
    for example in examples:
        load_text(example)


def test_the_sample_loads_and_is_a_whole_platform() -> None:
    loaded = load_files([SAMPLE])
    (platform,), (pipeline,), (pool,) = loaded.platforms, loaded.pipelines, loaded.proxy_pools
    assert pipeline.spec.platform == platform.metadata.name == "local"
    assert pipeline.spec.workers.download.proxies == pool.metadata.name == "direct"
    assert (pool.spec.endpoints, pool.spec.when_exhausted) == ((), "Direct")
    assert platform.spec.api.replicas.min == 2
    assert loaded.secrets == ()


def test_the_sample_opens_no_private_origin() -> None:
    (platform,) = load_files([SAMPLE]).platforms
    assert platform.spec.egress.allow == ()
    assert not any(ipaddress.ip_network(each).is_loopback for each in platform.spec.api.trusted_proxies)


def test_the_sample_is_short_enough_to_read_at_once() -> None:
    assert len(SAMPLE.read_text().splitlines()) <= 45
