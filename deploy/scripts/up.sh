# ./grid up: one silo and gateway process, and N node agents, in the foreground.

grid_up() {
    local data=$ROOT/data port=5080 nodes=1 extra=()
    while [ $# -gt 0 ]; do
        case "$1" in
            --data) data=${2:?--data needs a folder}; shift ;;
            --port) port=${2:?--port needs a number}; shift ;;
            --nodes) nodes=${2:?--nodes needs a number}; shift ;;
            *) extra+=("$1") ;;
        esac
        shift
    done
    prepare_host
    mkdir -p "$data"
    exec dotnet "$(binary Host)" --roles silo,gateway,node --nodes "$nodes" --data "$(realpath "$data")" --port "$port" "${extra[@]}"
}

prepare_host() {
    need_runtime
    choose_packages ""
    note "building ($GridPackages)"
    local part
    for part in FineTuneGrid/Host trainers/Trainer datasets/Inspector FineTuneGrid/Cli; do build_once "$part"; done
}
