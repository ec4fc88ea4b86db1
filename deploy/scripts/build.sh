# Building, and finding what was built.

build_all() {
    note "building ($GridPackages)"
    dotnet build "$ROOT/FineTuneGrid.slnx" -v q -clp:ErrorsOnly --nologo >"$ROOT/.grid/build-$GridPackages.log" 2>&1 ||
        { grep -E 'error|warning' "$ROOT/.grid/build-$GridPackages.log" | sort -u | head -20 >&2; die "the build failed (log: .grid/build-$GridPackages.log)"; }
}

build_once() {
    mkdir -p "$ROOT/.grid"
    dotnet build "$ROOT/$1" -v q -clp:ErrorsOnly --nologo >"$ROOT/.grid/build.log" 2>&1 || { cat "$ROOT/.grid/build.log" >&2; die "the build of $1 failed"; }
}

# binary PART [ASSEMBLY] : path of a built program.
binary() {
    echo "$ROOT/artifacts/$GridPackages/bin/FineTuneGrid.$1/debug/${2:-FineTuneGrid.$1}.dll"
}
