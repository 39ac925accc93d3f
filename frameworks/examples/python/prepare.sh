#!/bin/sh
# Makes target/python: a virtual environment with the pinned packages, and stubs of the schemas.
# What is there already and up to date is left alone.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
target=${BOURSE_PYTHON_TARGET:-$root/target/python}
mkdir -p "$target"

[ -x "$target/venv/bin/python" ] || python3 -m venv "$target/venv"
if ! cmp -s "$here/requirements.txt" "$target/requirements.installed"; then
    "$target/venv/bin/pip" install --quiet --disable-pip-version-check \
        --requirement "$here/requirements.txt"
    cp "$here/requirements.txt" "$target/requirements.installed"
fi

mkdir -p "$target/stubs"
# Schemas import each other, and stubs do too: all of them are made.
"$target/venv/bin/python" -m grpc_tools.protoc --proto_path "$root/proto/schema" \
    --python_out "$target/stubs" --grpc_python_out "$target/stubs" \
    "$root"/proto/schema/bourse/v1/*.proto
echo "$target"
