# ./grid bench: programs that measure, or that look for faults; each prints JSON lines and ends with an exit code.

grid_bench() {
    local name=${1:-}
    [ $# -eq 0 ] || shift
    case "$name" in
        chaos)
            need_runtime
            need_test_servers
            choose_packages ""
            build_once tests/Chaos
            exec dotnet "$(binary Chaos)" "$@"
            ;;
        writer-kills)
            need_dotnet
            choose_packages ""
            build_once tests/Bench
            exec dotnet "$(binary Bench)" "$name" "$@"
            ;;
        *) die "unknown bench '$name'; there are: chaos, writer-kills" ;;
    esac
}
