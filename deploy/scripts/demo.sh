# ./grid demo: a LoRA job from submit to pull on a fresh data directory, and what it changed.

grid_demo() {
    [ $# -eq 0 ] || die "demo takes no arguments"
    local data=$ROOT/data/demo
    prepare_host
    rm -rf "$data"
    start_host "$data"
    note "the grid is at $FTG_URL; the same steps by hand are in README.md"
    ftg demo "$ROOT/datasets/samples/job.json" "$data" || die "the demo failed (logs: $data)"
    stop_host
    echo
    cat "$data/report.json"
    echo
}
