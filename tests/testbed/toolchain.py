"""The programs of a Kubernetes cluster, built once from Go modules and kept outside the tree, by version.

A machine that has them needs none of this: ``KUBEBUILDER_ASSETS`` (the envtest convention) is looked at first.
Everything else is built with the Go toolchain into the user's cache folder, each part under its version, so
that a second run starts at once and a changed version builds only itself.

    python -m tests.testbed.toolchain [PART...]      build and say how long each took
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

KUBERNETES = "v1.36.3"
_BUILT = "built.json"
_WORK = "work-"


class Unavailable(Exception):
    """A program cannot be had on this machine: says which, and what would help."""


@dataclass(frozen=True, slots=True)
class Part:
    """A Go module at one version, and the commands that are built from it."""

    module: str
    version: str
    commands: Mapping[str, str]
    """Program -> package path below the module."""
    tags: str = ""
    ldflags: str = ""
    cgo: bool = False
    """Only runc needs a C compiler: its first steps inside a namespace are C."""
    staging: str = ""
    """Version of the modules that this module replaces by folders of its own tree (Kubernetes' staging)."""
    own: tuple[str, ...] | None = None
    """Not None: built with Kubernetes' versions of all modules that both need, except for those whose paths begin
    with one of these. What is compiled for Kubernetes then serves here: minutes of each part's build."""

    @property
    def name(self) -> str:
        return next(iter(self.commands))


_KUBERNETES_MODULE = "k8s.io/kubernetes"
_STAMP = " ".join(
    f"-X k8s.io/{package}.gitVersion={KUBERNETES}"
    for package in ("component-base/version", "client-go/pkg/version")
)


def _kubernetes(command: str) -> Part:
    return Part(
        _KUBERNETES_MODULE,
        KUBERNETES,
        {command: f"cmd/{command}"},
        ldflags=_STAMP,
        staging="v0." + KUBERNETES.removeprefix("v1."),
    )


PARTS: tuple[Part, ...] = (
    Part("go.etcd.io/etcd/server/v3", "v3.7.3", {"etcd": ""}),
    _kubernetes("kube-apiserver"),
    _kubernetes("kube-controller-manager"),
    _kubernetes("kubectl"),
    _kubernetes("kube-scheduler"),
    _kubernetes("kubelet"),
    _kubernetes("kube-proxy"),
    Part("sigs.k8s.io/kwok", "v0.8.0", {"kwok": "cmd/kwok"}, own=()),
    Part(
        "github.com/containerd/containerd/v2",
        "v2.4.2",
        {
            "containerd": "cmd/containerd",
            "containerd-shim-runc-v2": "cmd/containerd-shim-runc-v2",
            "ctr": "cmd/ctr",
        },
        tags="no_btrfs no_devmapper no_zfs",
    ),
    Part("github.com/opencontainers/runc", "v1.5.2", {"runc": ""}, tags="seccomp", cgo=True),
    Part(
        "github.com/coredns/coredns",
        "v1.15.0",
        {"coredns": ""},
        # Its plugin for etcd is written against a later client.
        own=("go.etcd.io/", "google.golang.org/grpc"),
    ),
    Part("sigs.k8s.io/metrics-server", "v0.9.0", {"metrics-server": "cmd/metrics-server"}, own=()),
    Part("github.com/rancher/local-path-provisioner", "v0.0.30", {"local-path-provisioner": ""}, own=()),
    Part(
        "github.com/kedacore/keda/v2",
        "v2.20.2",
        {"keda-operator": "cmd/operator", "keda-adapter": "cmd/adapter"},
    ),
    Part("github.com/versity/versitygw", "v1.8.0", {"versitygw": "cmd/versitygw"}),
    Part("github.com/yannh/kubeconform", "v0.8.0", {"kubeconform": "cmd/kubeconform"}),
    Part("helm.sh/helm/v4", "v4.3.1", {"helm": "cmd/helm"}, own=()),
    # Without service discovery and the SDKs of a dozen clouds: it is here to test rules.
    Part("github.com/prometheus/prometheus", "v0.315.0", {"promtool": "cmd/promtool"}, tags="remove_all_sd"),
)
"""In the order of need: what the ``api`` profile starts comes first."""

_BY_COMMAND = {command: part for part in PARTS for command in part.commands}


def cache() -> Path:
    """Where built programs are kept: outside the tree, so that a fresh clone finds them."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "reelplane" / "toolchain"


def program(command: str, say: Callable[[str], None] = lambda _: None) -> Path:
    """The path of ``command``, building it where this machine has none. Raises Unavailable, which says why."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and (given := Path(assets) / command).exists():
        return given
    part = _BY_COMMAND[command]
    folder = folder_of(part)
    binary = folder / command
    if binary.exists():
        return binary
    go = shutil.which("go")
    if go is None:
        raise Unavailable(
            f"{command} is built with the Go toolchain, and no 'go' is on the PATH"
            " (install Go 1.26 or newer, or set KUBEBUILDER_ASSETS to a folder that holds it)"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not binary.exists():
            _build(go, part, folder, say)
    return binary


def folder_of(part: Part) -> Path:
    return cache() / f"{part.name}-{part.version}"


def source(part: Part | str) -> Path:
    """The unpacked module, for the manifests and stages that it carries. Raises Unavailable."""
    part = _BY_COMMAND[part] if isinstance(part, str) else part
    go = shutil.which("go")
    if go is None:
        raise Unavailable(
            f"the files of {part.module} are fetched with the Go toolchain, and no 'go' is on the PATH"
        )
    return Path(_download(go, part)["Dir"])


def build_seconds() -> dict[str, float]:
    """Part -> how long its build took on this machine. Parts that are not built, or were given, are left out."""
    found = {}
    for part in PARTS:
        with contextlib.suppress(FileNotFoundError):
            found[part.name] = float(json.loads((folder_of(part) / _BUILT).read_text())["seconds"])
    return found


def _build(go: str, part: Part, folder: Path, say: Callable[[str], None]) -> None:
    """Build all commands of ``part`` in a module of our own that requires it: its replace lines count only there."""
    started = time.monotonic()
    say(f"building {', '.join(part.commands)} {part.version} (once; kept in {folder})")
    for left in folder.glob(_WORK + "*"):  # By a build that was killed: we hold the lock, so none goes on.
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=folder, prefix=_WORK) as place:
        work = Path(place)
        (work / "go.mod").write_text(_go_mod(go, part))
        out = work / "bin"
        out.mkdir()
        for command, package in part.commands.items():
            target = f"{part.module}/{package}".rstrip("/")
            # No -trimpath: compiled packages would be keyed by the versions that a replace line took the place of.
            # What debuggers need is left out when linking, so it is not compiled either: a seventh of the time.
            flags = [f"-ldflags=-s -w {part.ldflags}", f"-tags={part.tags}", "-gcflags=all=-dwarf=false"]
            _run(go, "build", *flags, "-o", str(out / command), target, work=work, cgo=part.cgo)
        seconds = time.monotonic() - started
        (folder / _BUILT).write_text(json.dumps({"seconds": round(seconds, 1), "processors": os.cpu_count()}))
        # The first named is moved last: its presence says that all are there.
        for command in reversed(list(part.commands)):
            (out / command).replace(folder / command)
    say(f"built {', '.join(part.commands)} in {seconds:.0f} s")


def _go_mod(go: str, part: Part) -> str:
    """A main module that requires ``part`` and repeats its replace lines, which Go reads in main modules only."""
    module = json.loads(_run(go, "mod", "edit", "-json", _download(go, part)["GoMod"]))
    lines = ["module testbed", f"go {module['Go']}", f"require {part.module} {part.version}"]
    replaced = {}
    for replace in module.get("Replace") or ():
        old, new = replace["Old"]["Path"], replace["New"]
        version = new.get("Version") or part.staging
        if not version:
            continue
        path = new["Path"] if new.get("Version") else old
        at = f" {replace['Old']['Version']}" if replace["Old"].get("Version") else ""
        replaced[old + at] = f"{path} {version}"
    if part.own is not None:
        ours = {old: new for old, new in _kubernetes_versions(go).items() if not old.startswith(part.own)}
        replaced = ours | replaced
    lines += [f"replace {old} => {new}" for old, new in replaced.items()]
    # Excluded versions, too, are the main module's to name.
    lines += [f"exclude {each['Path']} {each['Version']}" for each in module.get("Exclude") or ()]
    return "\n".join(lines) + "\n"


@functools.cache
def _kubernetes_versions(go: str) -> dict[str, str]:
    """Each module that Kubernetes is built from -> what it is built from, as a replace line has it."""
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        (work / "go.mod").write_text(_go_mod(go, _BY_COMMAND["kube-apiserver"]))
        listed = _run(
            go,
            "list",
            "-m",
            "-f",
            "{{.Path}} {{with .Replace}}{{.Path}} {{.Version}}{{else}}{{.Path}} {{.Version}}{{end}}",
            "all",
            work=work,
        )
    found = (line.split(" ", 1) for line in listed.splitlines()[1:])  # The first is the main module.
    return dict(found)


def _download(go: str, part: Part) -> dict[str, str]:
    found: dict[str, str] = json.loads(_run(go, "mod", "download", "-json", f"{part.module}@{part.version}"))
    return found


def _run(go: str, *arguments: str, work: Path | None = None, cgo: bool = False) -> str:
    environment = os.environ | {"GOFLAGS": "-mod=mod", "GOWORK": "off", "CGO_ENABLED": str(int(cgo))}
    done = subprocess.run(
        [go, *arguments], cwd=work or "/", env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Unavailable(
            f"go {' '.join(arguments[:2])} failed: {(done.stderr or done.stdout).strip()[-600:]}"
        )
    return done.stdout


def main(wanted: list[str]) -> int:
    def say(line: str) -> None:
        print(line, flush=True)

    failed = 0
    for command in wanted or [part.name for part in PARTS]:
        try:
            program(command, say)
        except Unavailable as why:
            failed += 1
            say(f"{command}: {why}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
