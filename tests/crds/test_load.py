"""Files: what is valid comes back typed; what is not is refused with every error, its line, and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reelplane_crds.load import MAX_FILE, FileError, InvalidFile, load_files, load_text

HEAD = "apiVersion: reelplane.io/v1alpha1\nkind: {kind}\nmetadata: {{name: x}}\nspec:\n"


def refusals(text: str) -> list[str]:
    with pytest.raises(InvalidFile) as refused:
        load_text(text, "f.yaml")
    return [str(error) for error in refused.value.errors]


def refusal(text: str) -> str:
    (only,) = refusals(text)
    return only


def errors_of(text: str) -> list[FileError]:
    try:
        load_text(text)
    except InvalidFile as refused:
        return refused.errors
    return []


def platform(spec: str) -> str:
    return HEAD.format(kind="VideoPlatform") + spec


def test_all_errors_of_all_documents_are_told_at_once_with_their_lines() -> None:
    text = """\
apiVersion: reelplane.io/v1alpha1
kind: VideoPlatform
metadata: {name: Local}
spec:
  api:
    replica: {min: 3}
    port: "8080"
    replicas: {min: 5, max: 4}
    anonymous: false
    trustedProxies: [10.0.0.0/8, 10.0.0.0/99]
  cache: {embedded: }
  egress:
    ports:
      - 443
      - 70000
---
apiVersion: reelplane.io/v1alpha1
kind: VideoPipeline
metadata: {name: shorts}
spec:
  retention: {media: 30d}
---
apiVersion: reelplane.io/v1alpha1
kind: ProxyPool
metadata: {name: direct}
spec: {endpoints: []}
"""
    with pytest.raises(InvalidFile) as refused:
        load_text(text, "f.yaml")
    assert [(error.line, error.subject, error.path) for error in refused.value.errors] == [
        (3, "VideoPlatform/Local", "metadata.name"),
        (6, "VideoPlatform/Local", "spec.api.replica"),
        (7, "VideoPlatform/Local", "spec.api.port"),
        (8, "VideoPlatform/Local", "spec.api.replicas.min"),
        (9, "VideoPlatform/Local", "spec.api.anonymous"),
        (10, "VideoPlatform/Local", "spec.api.trustedProxies[1]"),
        (11, "VideoPlatform/Local", "spec.cache"),
        (15, "VideoPlatform/Local", "spec.egress.ports[1]"),
        (20, "VideoPipeline/shorts", "spec.platform"),
        (21, "VideoPipeline/shorts", "spec.retention.media"),
        (26, "ProxyPool/direct", "spec.whenExhausted"),
    ]
    assert all(error.message and error.fix for error in refused.value.errors)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (
            "  api: {replica: {}}",
            "5: VideoPlatform/x spec.api.replica: unknown field; did you mean replicas?",
        ),
        (
            "  api: {REPLICAS: {}}",
            "5: VideoPlatform/x spec.api.REPLICAS: unknown field; did you mean replicas?",
        ),
        ("  objects: {s4: {}, embedded: {}}", "unknown field; the fields here are embedded, s3"),
        ("  queue: {embedded: {x: 1}}", "spec.queue.embedded.x: unknown field; there are no fields here"),
        ("  api: {port: '80'}", "spec.api.port: must be a whole number, not text; write 80 without quotes"),
        ("  api: {port: 80.5}", "must be a whole number, not a number with a fraction; write digits only"),
        ("  api: {port: 0}", "spec.api.port: 0 is too small; 1 is the least"),
        ("  api: {port: 65536}", "spec.api.port: 65536 is too large; 65535 is the most"),
        ("  api: {anonymous: 'no'}", "must be true or false, not text; write true or false, without quotes"),
        ("  api: {mediaUrlTTL: 60}", 'spec.api.mediaUrlTTL: must be text, not a number; write "60"'),
        ("  api: {mediaUrlTTL: 30d}", "'30d' is not a duration; Go durations end at hours: write 720h"),
        (
            "  api: {mediaUrlTTL: 200h}",
            "200h is out of range; must be between 1m and 168h: the nearest is 168h",
        ),
        ("  api: {mediaDelivery: stream}", "'stream' is not Redirect or Stream; did you mean Stream?"),
        ("  api: {mediaDelivery: x}", "'x' is not Redirect or Stream; write Redirect or Stream"),
        (
            "  api: [1]",
            "spec.api: must be an object, not a list; write its fields, indented by two more spaces",
        ),
        ("  egress: {ports: 80}", "must be a list, not a number; write '- ' before each entry, or [a, b]"),
        ("  egress: {ports: []}", "spec.egress.ports: has too few entries; at least 1 must be given"),
        ("  egress: {ports: [80, 80]}", "spec.egress.ports: 80 stands twice in the list; keep one of them"),
        ("  api: {trustedProxies: [10.0.0.1]}", "'10.0.0.1' is not an address range; write e.g. 10.0.0.0/8"),
        (
            "  egress: {allow: [{host: 'http://a'}]}",
            "spec.egress.allow[0].host: 'http://a' is not a host name",
        ),
        ("  database: {postgres: {urlFrom: {secret: a}}}", "urlFrom.key: is missing; add key: Key inside it"),
        (
            "  database: {postgres: {}}",
            "postgres.urlFrom: is missing; add urlFrom: Where the server's URL stands",
        ),
    ],
)
def test_a_wrong_field_is_told_with_what_would_be_right(spec: str, told: str) -> None:
    assert told in refusal(platform(spec))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "kind: VideoPipelin",
            "kind: 'VideoPipelin' is not a kind that is read here; did you mean VideoPipeline?",
        ),
        ("kind: ConfigMap", "it is one of VideoPlatform, VideoPipeline, ProxyPool, RegionDeployment, Secret"),
        ("spec: {}", "f.yaml:1: ?/? kind: is missing"),
        ("kind: ProxyPool", "ProxyPool/? apiVersion: is missing; write reelplane.io/v1alpha1"),
        (
            "kind: ProxyPool\napiVersion: reelplane.io/v1",
            "f.yaml:2: ProxyPool/? apiVersion: 'reelplane.io/v1' is not",
        ),
        ("kind: Secret\napiVersion: v2", "write v1"),
        (
            "- kind: ProxyPool",
            "f.yaml:1: an object is expected; start with 'apiVersion: reelplane.io/v1alpha1'",
        ),
        ("a: b: c", "f.yaml:1: not YAML: mapping values are not allowed here"),
        ("a: 1\nb: [1, 2\n", "f.yaml:3: not YAML: while parsing a flow sequence"),
        (
            "a: 1\nb: *hunter2",
            "f.yaml:2: not YAML: an alias (*) without its anchor (&), or an anchor twice; quote",
        ),
        ("a: \x01", "f.yaml:1: character U+0001 cannot stand in YAML"),
    ],
)
def test_a_document_that_is_no_object_of_ours_is_told_so(text: str, told: str) -> None:
    assert told in refusal(text)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (
            "  queue: {embedded: {}}\n  queue: {embedded: {}}",
            "6: VideoPlatform/x spec.queue: stands twice, first on line 5",
        ),
        (
            "  api: &a {port: 80}\n  cache: {<<: *a, embedded: {}}",
            "6: VideoPlatform/x spec.cache: merge keys",
        ),
        ("  1: x", 'a key must be text; quote it: "1"'),
        (
            "  api: {port: !!python/name:os.system x}",
            "spec.api.port: is not a plain value; quote it if",
        ),
    ],
)
def test_yaml_that_would_be_misread_is_refused(spec: str, told: str) -> None:
    assert told in refusal(platform(spec))


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{to}: &{to} [{', '.join([f'*{of}'] * 10)}]\n"
            for of, to in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "a: &a [*a]",
        "a: " + "[" * 5000,
        "a: " + "{a: " * 60 + "1" + "}" * 60,
    ],
    ids=["billion laughs", "an alias to itself", "thousands of brackets", "sixty levels"],
)
def test_a_file_without_end_is_refused_quickly(text: str) -> None:
    assert "nested too deeply or too large" in refusals(text)[0]


def test_two_objects_of_one_name_are_refused_and_the_first_is_shown(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(platform("  api: {}"))
    with pytest.raises(InvalidFile) as refused:
        load_files([tmp_path])
    (error,) = refused.value.errors
    assert (error.file, error.line) == (str(tmp_path / "b.yaml"), 3)
    assert f"{tmp_path / 'a.yaml'}:1" in error.message


def test_a_name_may_repeat_in_another_namespace_or_kind() -> None:
    other = platform("  api: {}").replace("{name: x}", "{name: x, namespace: other}")
    pool = HEAD.format(kind="ProxyPool") + "  endpointsFrom: {secret: s, key: k}"
    loaded = load_text("\n---\n".join([platform("  api: {}"), other, pool]))
    assert [each.metadata.namespace for each in loaded.platforms] == [None, "other"]
    assert len(loaded.proxy_pools) == 1


def test_every_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: \xe4\n")
    (tmp_path / "large.yaml").write_bytes(b"#" * (MAX_FILE + 1))
    with pytest.raises(InvalidFile) as refused:
        load_files([tmp_path / "none.yaml", tmp_path / "latin.yaml", tmp_path / "large.yaml"])
    none, latin, large = refused.value.errors
    assert "cannot be read: No such file" in none.message
    assert (latin.line, latin.message) == (2, "not UTF-8 text")
    assert "larger than" in large.message


def test_null_is_absent_as_for_the_api_server() -> None:
    spec = load_text(platform("  cache:\n  api: {port: null, apiKeysFrom: ~}")).platforms[0].spec
    assert spec.api.port == 8080
    assert spec.cache.embedded is not None


def test_what_kubectl_prints_can_be_read_back() -> None:
    text = """
apiVersion: reelplane.io/v1alpha1
kind: ProxyPool
metadata:
  name: x
  uid: 3e1a
  generation: 2
  resourceVersion: "71"
  creationTimestamp: 2026-11-20T10:00:00Z
  managedFields: [{manager: kubectl}]
spec: {endpoints: [], whenExhausted: Direct}
status:
  observedGeneration: 2
  healthy: 0/0
  conditions:
    - {type: Ready, status: "True", reason: Direct, message: No proxies., lastTransitionTime: "2026-11-20T10:00:00Z"}
"""
    pool = load_text(text).proxy_pools[0]
    assert pool.metadata.generation == 2
    assert pool.status is not None
    assert pool.status.conditions[0].type == "Ready"


def test_a_place_tells_where_a_field_or_what_is_around_it_stands() -> None:
    loaded = load_text("# a comment\n" + platform("  api:\n    port: 80\n"), "f.yaml")
    place = loaded.place(loaded.platforms[0])
    assert place.at("spec.api.port") == "f.yaml:7"
    assert place.at("spec.api.replicas.min") == "f.yaml:6"
    assert place.at("status") == "f.yaml:2"


SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: reels.db}\n"


def test_a_secret_is_read_plain_or_in_base64_and_plain_wins() -> None:
    (secret,) = load_text(SECRET + "data: {a: aHVudGVyMg==, b: eA==}\nstringData: {b: plain}").secrets
    assert secret.values == {"a": "hunter2", "b": "plain"}


@pytest.mark.parametrize(
    "line",
    [
        "data: {a: 'hunter2!'}",
        "data: {a: /w==}  # hunter2, and not UTF-8",
        "stringData: {a: {hunter2: 1}}",
        "stringData: {a: [hunter2]}",
        "stringData: {a: *hunter2}",
        "stringData: {a: !hunter2 x}",
        "type: [hunter2]",
    ],
)
def test_a_secrets_value_never_shows(line: str) -> None:
    assert "hunter2" not in refusal(SECRET + line)
    shown = repr(load_text(SECRET + "stringData: {a: hunter2}\ndata: {b: aHVudGVyMg==}"))
    assert "hunter2" not in shown
    assert "aHVudGVyMg" not in shown


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["api", "port", "embedded", "cidr", "min", "x"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(st.sampled_from(["VideoPlatform", "VideoPipeline", "ProxyPool"]), values)
def test_any_spec_is_read_or_refused_and_never_crashes(kind: str, spec: object) -> None:
    item = {"apiVersion": "reelplane.io/v1alpha1", "kind": kind, "metadata": {"name": "x"}, "spec": spec}
    errors = errors_of(yaml.safe_dump(item, allow_unicode=True))
    assert all(error.line > 0 and error.message and error.fix for error in errors)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_and_never_crashes(text: str) -> None:
    assert all(error.message and error.fix for error in errors_of(text))
