# ./grid test: every test project in one mode or both; closes with "N passed, N failed".

grid_test() {
    local packages="" slow="" filter=""
    while [ $# -gt 0 ]; do
        case "$1" in
            --packages) packages=${2:-}; shift ;;
            --slow) slow=1 ;;
            -*) die "unknown option $1" ;;
            *) filter=$1 ;;
        esac
        shift
    done
    need_runtime
    need_test_servers
    need_browser
    PASSED=0 FAILED=0 SKIPPED=0
    local feed=${GRID_NUGET_FEED:-}
    if [ "$packages" = all ]; then
        run_tests airgap "$slow" "$filter"
        [ -z "$feed" ] || export GRID_NUGET_FEED=$feed
        choose_packages ""
        [ "$GridPackages" = nuget ] && run_tests nuget "$slow" "$filter"
    else
        run_tests "$packages" "$slow" "$filter"
    fi
    [ $((PASSED + FAILED)) -gt 0 ] || { echo "no test matched '$filter'" >&2; FAILED=1; }
    echo "$PASSED passed, $FAILED failed$([ "$SKIPPED" -eq 0 ] || echo ", $SKIPPED skipped")"
    [ "$FAILED" -eq 0 ]
}

# run_tests MODE SLOW FILTER
run_tests() {
    choose_packages "$1"
    build_all
    local category='Category!=Slow' results=$ROOT/artifacts/$GridPackages/test-results project name log counts
    if [ -n "$2" ]; then category='Category!=Never'; fi
    if [ -n "$3" ]; then category="$category&FullyQualifiedName~$3"; fi
    mkdir -p "$results"
    for project in "$ROOT"/tests/*/*.csproj; do
        name=$(basename "$project" .csproj)
        log=$results/$name.log
        local started=$SECONDS status=0
        dotnet test "$project" --no-build --nologo --filter "$category" --blame-hang-timeout 10m >"$log" 2>&1 || status=$?
        counts=$(grep -oE 'Failed: +[0-9]+, Passed: +[0-9]+, Skipped: +[0-9]+' "$log" | tail -1 | tr -dc '0-9,' || true)
        if [ -z "$counts" ]; then
            if [ $status -eq 0 ]; then continue; fi
            counts="1,0,0"
        fi
        IFS=, read -r failed passed skipped <<<"$counts"
        if [ $status -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
        PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed)) SKIPPED=$((SKIPPED + skipped))
        printf '%-40s %5d passed, %d failed, %d s\n' "$name ($GridPackages)" "$passed" "$failed" $((SECONDS - started))
        [ "$failed" -eq 0 ] || { grep -vE '^\s*(Passed|Skipped) ' "$log" | tail -60; }
    done
}
