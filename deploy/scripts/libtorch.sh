# Where libtorch is and how C++ is compiled against it. Sourced by the build scripts of native parts.

# use_libtorch DIR : DIR has include/ and lib/; empty means the system's. Sets include, lib, flags and link; needs fail().
use_libtorch() {
    local dir=$1 includes standard=c++17 abi=0
    command -v g++ >/dev/null || fail "g++ is missing; install it: apt-get install g++ libtorch-dev"
    if [ -n "$dir" ]; then
        include=$dir/include
        lib=$dir/lib
        [ -f "$include/ATen/ATen.h" ] || fail "GRID_LIBTORCH=$dir has no include/ATen/ATen.h; name a libtorch folder with include/ and lib/"
        includes=(-isystem "$include" -isystem "$include/torch/csrc/api/include")
        link=(-L"$lib" -Wl,-rpath,"$lib")
    else
        include=/usr/include
        lib=/usr/lib/$(uname -m)-linux-gnu
        [ -f "$lib/libc10.so" ] || lib=$(dirname "$(find /usr/lib /usr/lib64 /usr/local/lib -name libc10.so 2>/dev/null | head -n 1)")
        [ -f "$include/ATen/ATen.h" ] && [ -f "$lib/libc10.so" ] ||
            fail "libtorch's headers are missing; install them: apt-get install libtorch-dev g++, or set GRID_LIBTORCH to a libtorch folder"
        includes=(-isystem "$include/torch/csrc/api/include")
        link=(-L"$lib")
    fi
    if [ "$(torch_version MAJOR)" -gt 2 ] || { [ "$(torch_version MAJOR)" -eq 2 ] && [ "$(torch_version MINOR)" -ge 9 ]; }; then standard=c++20; fi
    # libtorch is published with either ABI of std::string; a mismatch would only show as missing symbols at load.
    if exports "$lib/libc10.so" __cxx11; then abi=1; fi
    flags=(-std=$standard -O2 -fPIC -fvisibility=hidden -D_GLIBCXX_USE_CXX11_ABI=$abi "${includes[@]}")
}

torch_version() { sed -n "s/^#define TORCH_VERSION_$1 //p" "$include/torch/csrc/api/include/torch/version.h"; }

# exports LIBRARY TEXT : whether a symbol of the library holds the text. (grep -q would end nm by a signal, which pipefail counts as a failure.)
exports() { nm -D --defined-only "$1" | grep -c -- "$2" >/dev/null; }
