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

# grid_token NODE [--data DIR]
grid_token() {
    local node=${1:?usage: ./grid token NODE [--data DIR]} data=$ROOT/data
    shift
    [ "${1:-}" != --data ] || data=${2:?--data needs a folder}
    prepare_host
    exec dotnet "$(binary Host)" --issue-token "$node" --data "$data"
}

# grid_maintenance backup|restore|verify-backup DIR [--data DIR] [ARGS]
grid_maintenance() {
    local verb=$1 folder=${2:?usage: ./grid $1 DIR [--data DIR]} data=()
    shift 2
    [ "$verb" = verify-backup ] || [[ " $* " == *" --data "* ]] || data=(--data "$ROOT/data")
    prepare_host
    exec dotnet "$(binary Host)" "$verb" "$folder" "${data[@]}" "$@"
}

# ./grid node: the agent of a machine that trains for a grid elsewhere, in the foreground.
grid_node() {
    local data=$ROOT/data/node args=()
    while [ $# -gt 0 ]; do
        case "$1" in
            --data) data=${2:?--data needs a folder}; shift ;;
            *) args+=("$1") ;;
        esac
        shift
    done
    prepare_host
    mkdir -p "$data"
    exec dotnet "$(binary Host)" --roles node --data "$(realpath "$data")" "${args[@]}"
}

prepare_host() {
    need_runtime
    choose_packages ""
    note "building ($GridPackages)"
    local part
    for part in FineTuneGrid/Host trainers/Trainer datasets/Inspector FineTuneGrid/Cli; do build_once "$part"; done
}

# start_host DATA [ARGS] : in the background on a free port; sets FTG_URL and FTG_API_KEY, stops with this script.
start_host() {
    local data=$1 log=$1/host.log
    shift
    mkdir -p "$data"
    dotnet "$(binary Host)" --roles silo,gateway,node --nodes 1 --data "$data" --port 0 "$@" >"$log" 2>&1 &
    HOST_PID=$!
    trap stop_host EXIT
    local waited=0
    until grep -q '^ready http' "$log"; do
        kill -0 "$HOST_PID" 2>/dev/null || { tail -20 "$log" >&2; die "the grid did not start (log: $log)"; }
        [ $waited -lt 600 ] || { tail -20 "$log" >&2; die "the grid was not ready within a minute (log: $log)"; }
        waited=$((waited + 1))
        sleep 0.1
    done
    FTG_URL=$(sed -n 's/^ready \(http[^ ]*\).*/\1/p' "$log" | head -1)
    FTG_API_KEY=$(cat "$data/admin.key")
    export FTG_URL FTG_API_KEY
}

stop_host() {
    [ -n "${HOST_PID:-}" ] || return 0
    kill -TERM "$HOST_PID" 2>/dev/null || true
    wait "$HOST_PID" 2>/dev/null || true
    HOST_PID=
}

ftg() {
    dotnet "$(binary Cli ftg)" "$@"
}
