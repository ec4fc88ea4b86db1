#!/usr/bin/env bash
# Builds the C++ shim between TorchSharp.torch and libtorch.
# usage: build.sh OUTPUT.so [LIBTORCH_DIR]      LIBTORCH_DIR has include/ and lib/; without it the system's libtorch is used.
set -euo pipefail
out=$1
dir=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
fail() { echo "build.sh : error GT0001: $*" >&2; exit 1; }  # the form that MSBuild shows as an error

command -v g++ >/dev/null || fail "g++ is missing; install it: apt-get install g++ libtorch-dev"
if [ -n "$dir" ]; then
  include=$dir/include
  lib=$dir/lib
  [ -f "$include/ATen/ATen.h" ] || fail "GRID_LIBTORCH=$dir has no include/ATen/ATen.h; name a libtorch folder with include/ and lib/"
  includes=(-isystem "$include" -isystem "$include/torch/csrc/api/include")
  link=(-L"$lib" -Wl,-rpath,"$lib")
else
  include=/usr/include
  lib=$(dirname "$(find /usr/lib /usr/lib64 /usr/local/lib -name libc10.so 2>/dev/null | head -n 1)")
  [ -f "$include/ATen/ATen.h" ] && [ -f "$lib/libc10.so" ] ||
    fail "libtorch's headers are missing; install them: apt-get install libtorch-dev g++, or set GRID_LIBTORCH to a libtorch folder"
  includes=(-isystem "$include/torch/csrc/api/include")
  link=(-L"$lib")
fi

value() { sed -n "s/^#define TORCH_VERSION_$1 //p" "$include/torch/csrc/api/include/torch/version.h"; }
standard=c++17
if [ "$(value MAJOR)" -gt 2 ] || { [ "$(value MAJOR)" -eq 2 ] && [ "$(value MINOR)" -ge 9 ]; }; then standard=c++20; fi

# libtorch is published with either ABI of std::string; a mismatch would only show as missing symbols at load.
abi=0
if nm -D --defined-only "$lib/libc10.so" | grep -q __cxx11; then abi=1; fi

flags=(-std=$standard -O2 -fPIC -fvisibility=hidden -D_GLIBCXX_USE_CXX11_ABI=$abi "${includes[@]}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for unit in core ops; do g++ "${flags[@]}" -c "$here/$unit.cpp" -o "$work/$unit.o" & pids+=($!); done
for pid in "${pids[@]}"; do wait "$pid"; done
# libtorch.so pulls in the CUDA part where there is one, though no symbol of it is used by name.
g++ -shared -o "$work/out.so" "$work"/*.o "${link[@]}" -Wl,--no-undefined -Wl,--no-as-needed -ltorch -ltorch_cpu -lc10
mkdir -p "$(dirname "$out")"
mv "$work/out.so" "$out"
