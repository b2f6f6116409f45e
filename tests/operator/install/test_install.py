"""Both installs are the same objects, and give the operator what it needs and no more."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
Objects = list[dict[str, Any]]


def named(objects: Objects) -> dict[tuple[str, str, str], dict[str, Any]]:
    return {
        (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]): each
        for each in objects
    }


def plain(objects: Objects) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Without what Helm alone needs: CRDs that stay, and an empty priority class for the default one."""
    found = copy.deepcopy(named(objects))
    for each in found.values():
        if each["kind"] == "CustomResourceDefinition":
            each["metadata"].pop("annotations", None)
        if each["kind"] == "Deployment":
            each["spec"]["template"]["spec"].pop("priorityClassName", None)
    return {key: each for key, each in found.items() if key[0] != "Namespace"}


def test_what_is_generated_is_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "reelplane_operator.install", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_chart_makes_the_same_objects_as_the_kustomize_base(
    kustomize: Callable[[str], Objects], template: Callable[..., Objects]
) -> None:
    assert plain(template()) == plain(kustomize("cluster"))


def test_the_namespaced_installs_agree_and_give_nothing_outside_their_namespaces(
    kustomize: Callable[[str], Objects], template: Callable[..., Objects]
) -> None:
    chart = plain(template("--set", "namespaces={media}", "--set", "crds=false"))
    assert chart == plain(kustomize("namespaced"))
    bindings = [each for each in chart.values() if each["kind"] in ("ClusterRoleBinding", "ClusterRole")]
    assert {each["metadata"]["name"] for each in bindings} == {"reelplane-view", "reelplane-edit"}
    args = chart["Deployment", "reelplane-system", "reelplane-operator"]["spec"]["template"]["spec"][
        "containers"
    ][0]["args"]
    assert args[-1] == "--namespace=media"


def test_every_watched_namespace_gets_its_role(template: Callable[..., Objects]) -> None:
    found = named(template("--set", "namespaces={media,news}", "--set", "crds=false"))
    assert ("Role", "media", "reelplane-operator") in found
    binding = found["RoleBinding", "news", "reelplane-operator"]
    assert binding["subjects"][0]["namespace"] == "reelplane-system"


def test_the_chart_passes_helms_own_checks(helm: Callable[..., str]) -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", str(ROOT / "operator/deploy/chart"))


@pytest.mark.parametrize("wrong", ["replicas=0", "replicas=many", "pullPolicy=Sometimes", "replica=2"])
def test_a_wrong_value_is_refused_by_name(wrong: str, helm: Callable[..., str]) -> None:
    chart = str(ROOT / "operator/deploy/chart")
    with pytest.raises(AssertionError, match=wrong.partition("=")[0]):
        helm("template", "r", chart, "--set", wrong)


def test_values_reach_the_deployment(template: Callable[..., Objects]) -> None:
    found = named(
        template(
            "--set", "replicas=3,image=example.com/op:1,resources.limits.memory=1Gi,priorityClassName=top"
        )
    )
    spec = found["Deployment", "reelplane-system", "reelplane-operator"]["spec"]
    pod = spec["template"]["spec"]
    assert spec["replicas"] == 3
    assert pod["priorityClassName"] == "top"
    assert pod["containers"][0]["image"] == "example.com/op:1"
    assert pod["containers"][0]["resources"]["limits"] == {"memory": "1Gi"}


def test_crds_stay_when_the_release_goes(template: Callable[..., Objects]) -> None:
    crds = [each for each in template() if each["kind"] == "CustomResourceDefinition"]
    assert len(crds) == len(list((ROOT / "crds/generated").glob("*.yaml")))
    assert all(each["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for each in crds)


def test_crds_of_the_chart_are_the_generated_ones(template: Callable[..., Objects]) -> None:
    generated = [
        yaml.safe_load(path.read_text()) for path in sorted((ROOT / "crds/generated").glob("*.yaml"))
    ]
    made = plain(template())
    for crd in generated:
        assert made["CustomResourceDefinition", "", crd["metadata"]["name"]]["spec"] == crd["spec"]


def test_no_right_is_a_wildcard(template: Callable[..., Objects]) -> None:
    roles = [each for each in template() if each["kind"] in ("Role", "ClusterRole")]
    assert roles
    for role in roles:
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"])


def test_the_operators_own_pod_is_restricted(template: Callable[..., Objects]) -> None:
    pod = named(template())["Deployment", "reelplane-system", "reelplane-operator"]["spec"]["template"][
        "spec"
    ]
    container = pod["containers"][0]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
