#!/usr/bin/env bash
# Builds the C++ shim between TorchSharp.torch and libtorch.
# usage: build.sh OUTPUT.so [LIBTORCH_DIR]      LIBTORCH_DIR has include/ and lib/; without it the system's libtorch is used.
set -euo pipefail
out=$1
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../../scripts/libtorch.sh"
fail() { echo "build.sh : error GT0001: $*" >&2; exit 1; }  # the form that MSBuild shows as an error
use_libtorch "${2:-}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for unit in core ops; do g++ "${flags[@]}" -c "$here/$unit.cpp" -o "$work/$unit.o" & pids+=($!); done
for pid in "${pids[@]}"; do wait "$pid"; done
# libtorch.so pulls in the CUDA part where there is one, though no symbol of it is used by name.
g++ -shared -o "$work/out.so" "$work"/*.o "${link[@]}" -Wl,--no-undefined -Wl,--no-as-needed -ltorch -ltorch_cpu -lc10
mkdir -p "$(dirname "$out")"
mv "$work/out.so" "$out"
