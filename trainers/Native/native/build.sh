#!/usr/bin/env bash
# Builds libGridNative.so: what of the trainer is C++ over libtorch. Without libtorch's or Gloo's headers there is nothing to build:
# the trainer then works alone, and jobs of several workers are refused.
# usage: build.sh OUTPUT.so [LIBTORCH_DIR]
set -euo pipefail
out=$1
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../../deploy/scripts/libtorch.sh"
fail() { echo "libGridNative.so is left out: $*"; exit 0; }
use_libtorch "${2:-}"
[ -f "$include/gloo/context.h" ] || fail "Gloo's headers are missing; install them: apt-get install libgloo-dev"
exports "$lib/libtorch_cpu.so" N4c10d16ProcessGroupGlooC1E || fail "the libtorch in $lib has no Gloo"
# Gloo is a library of its own in some builds of libtorch, and a part of libtorch_cpu in others.
gloo=$(ldd "$lib/libtorch_cpu.so" | sed -n 's/.*=> \(.*libgloo[^ ]*\) .*/\1/p')

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# One unit: the headers of c10d take longer than all that is ours.
for unit in handshake heartbeat group collectives; do echo "#include \"$here/$unit.cpp\""; done >"$work/all.cpp"
g++ "${flags[@]}" -DUSE_C10D_GLOO -c "$work/all.cpp" -o "$work/all.o"
# Symbols are resolved when the library is loaded: one that does not fit its libtorch must fail there, not in the middle of a step.
g++ -shared -o "$work/out.so" "$work/all.o" "${link[@]}" -Wl,--no-undefined -Wl,-z,now -ltorch_cpu -lc10 ${gloo:+"$gloo"}
mkdir -p "$(dirname "$out")"
mv "$work/out.so" "$out"
