# What the machine must have. Installs Debian packages when it may, else names them.

need_dotnet() {
    command -v dotnet >/dev/null || die "the .NET 10 SDK is missing: https://dotnet.microsoft.com/download (or apt-get install dotnet-sdk-10.0)"
}

# apt_need COMMAND_OR_FILE PACKAGE ... : pairs of a probe and the package that satisfies it.
apt_need() {
    local missing=()
    while [ $# -gt 0 ]; do
        if [[ $1 == /* ]]; then compgen -G "$1" >/dev/null || missing+=("$2")
        else command -v "$1" >/dev/null || missing+=("$2"); fi
        shift 2
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        note "installing ${missing[*]}"
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$ROOT/.grid/apt.log" 2>&1 ||
            { tail -5 "$ROOT/.grid/apt.log" >&2; die "could not install ${missing[*]} (log: .grid/apt.log)"; }
    else
        die "please install: sudo apt-get install ${missing[*]}"
    fi
}

need_runtime() {
    need_dotnet
    mkdir -p "$ROOT/.grid"
    local libs=/usr/lib/x86_64-linux-gnu
    [ -d $libs ] || libs=/usr/lib/$(uname -m)-linux-gnu
    local torch=()
    [ -n "${GRID_LIBTORCH:-}" ] || torch=("$libs/libtorch.so" libtorch-dev /usr/include/gloo/context.h libgloo-dev)
    apt_need g++ g++ "${torch[@]}" "$libs/openblas*/libblas.so.3" libopenblas0-pthread "$libs/libzstd.so.1" libzstd1
}

need_test_servers() {
    apt_need node nodejs npm npm python3 python3 redis-server redis-server
    # The peer check loads the adapter with plain PyTorch, outside the product.
    apt_need /usr/lib/python3/dist-packages/torch python3-torch
}

need_browser() {
    apt_need chromium chromium
}
