#!/usr/bin/env bash
# Renews the locks from pyproject.toml: one per set that is installed by itself, all agreeing with dev.txt.
# extractor.txt is resolved alone, because the extractor is renewed on a clock of its own; checkov.txt likewise,
# because checkov pins the libraries that it shares with us to releases of its own choosing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
command -v uv >/dev/null || { echo "uv is needed: python3 -m pip install uv" >&2; exit 1; }
compile=(uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet)
[ "${1:-}" = extractor ] || {
  "${compile[@]}" pyproject.toml --extra dev -o requirements/dev.txt
  "${compile[@]}" pyproject.toml --extra cli -c requirements/dev.txt -o requirements/run.txt
  "${compile[@]}" pyproject.toml --extra workloads -c requirements/dev.txt -o requirements/workloads.txt
  "${compile[@]}" pyproject.toml --extra operator -c requirements/dev.txt -o requirements/operator.txt
  "${compile[@]}" pyproject.toml --extra infra -c requirements/dev.txt -o requirements/infra.txt
  echo "hatchling>=1.27" | "${compile[@]}" - -c requirements/dev.txt -o requirements/build.txt
}
python3 - <<'PY' | "${compile[@]}" - -o requirements/extractor.txt
import tomllib
with open("pyproject.toml", "rb") as file:
    print("\n".join(tomllib.load(file)["project"]["optional-dependencies"]["extractor"]))
PY
echo "checkov>=3.2.500" | "${compile[@]}" - -o requirements/checkov.txt
