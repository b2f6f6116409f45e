#!/usr/bin/env bash
# Builds our images with the container engine of this machine:
#
#   images/build.sh [workloads|operator|extractor]...        all three when none is named
#
# ENGINE=docker|podman|buildah (default: the first that is there), PREFIX=reelplane, TAG=the version in pyproject.toml,
# BASE=image to start from, PYTHON=a Python that has pip and packaging.
# The extractor's tag is the version of yt-dlp in requirements/extractor.txt: the version that a platform asks for.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${PYTHON:-python3}
prefix=${PREFIX:-reelplane}
engine=${ENGINE:-}
for each in docker podman buildah; do
  [ -n "$engine" ] || ! command -v "$each" >/dev/null || engine=$each
done
[ -n "$engine" ] || { echo "no docker, podman or buildah is on the PATH" >&2; exit 1; }

version() {
  if [ "$1" = extractor ]; then
    sed -n 's/^yt-dlp==\([^ ]*\).*/\1/p' requirements/extractor.txt
  else
    echo "${TAG:-$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)}"
  fi
}

[ $# -gt 0 ] || set -- workloads operator extractor
for image in "$@"; do
  context=build/images/$image
  "$python" images/context.py "$image" "$context"
  file=images/$image.Containerfile
  [ -f "$file" ] || file=images/Containerfile
  name=$prefix/$image:$(version "$image")
  arguments=(--file "$file" --tag "$name" ${BASE:+--build-arg "BASE=$BASE"} "$context")
  case $engine in
    # Without layers each build starts anew.
    buildah) buildah build --layers "${arguments[@]}" ;;
    *) "$engine" build "${arguments[@]}" ;;
  esac
  echo "built $name"
done
