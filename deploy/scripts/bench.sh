# ./grid bench: programs that measure, or that look for faults; each prints JSON lines and ends with an exit code.

grid_bench() {
    local name=${1:-} packages=""
    [ $# -eq 0 ] || shift
    if [ "${1:-}" = --packages ]; then
        packages=${2:-}
        shift 2 || die "--packages needs a value"
    fi
    case "$name" in
        chaos | recovery)
            need_runtime
            need_test_servers
            choose_packages "$packages"
            build_once tests/Chaos
            [ "$name" = chaos ] || set -- "$name" "$@"
            exec dotnet "$(binary Chaos)" "$@"
            ;;
        checkpoint | heartbeats | links | memory | overlap | serving | submits | tokenizer | watchers | writer-kills | zombies)
            need_runtime
            choose_packages "$packages"
            build_once tests/Bench
            exec dotnet "$(binary Bench)" "$name" "$@"
            ;;
        *) die "unknown bench '$name'; there are: chaos, checkpoint, heartbeats, links, memory, overlap, recovery, serving, submits, tokenizer, watchers, writer-kills, zombies" ;;
    esac
}
