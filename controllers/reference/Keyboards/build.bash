# Shared by the keyboards' scripts: finds the maps, and builds the firmware with CMake and Ninja.
# Not called itself; a script sets BOARD and sources this file.
#
#   <keyboard>.bash -c <controller directory> -o <build directory>
#
# From the environment, as on the real boards: DefaultMapOverride is the list of maps of layer 0, with
# blanks between them; PartialMapsExpandedOverride those of the further layers, with ";" between layers.
# A map is a file <name>.kll in the build directory, or one that comes with this tree (kll/).
set -euo pipefail

controller=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$PWD/build
while (($#)); do
    case $1 in
        -c | --cmakelists-path) controller=$2; shift 2 ;;
        -o | --output-path) build=$2; shift 2 ;;
        *) printf 'usage: %s [-c controller directory] [-o build directory]\n' "${0##*/}" >&2; exit 2 ;;
    esac
done

mkdir -p "$build"
controller=$(cd "$controller" && pwd)
build=$(cd "$build" && pwd)

# Adds the files of a list of maps to the array `found`.
find_maps() {
    local name
    # The list's blanks are its separators, so it is split here on purpose; the names hold no patterns.
    set -f
    # shellcheck disable=SC2086
    set -- $1
    set +f
    for name; do
        if [[ -f $build/$name.kll ]]; then
            found+=("$build/$name.kll")
        elif [[ -f $controller/kll/$name.kll ]]; then
            found+=("$controller/kll/$name.kll")
        else
            printf 'ERROR: there is no map "%s"\n' "$name" >&2
            exit 1
        fi
    done
}

found=()
find_maps "${DefaultMapOverride:-${DefaultMap:-stdFuncMap}}"
default=(--default "${found[@]}")

partial=()
IFS=';' read -r -a layers <<<"${PartialMapsExpandedOverride:-}"
for layer in "${layers[@]}"; do
    [[ -n ${layer// /} ]] || continue
    found=()
    find_maps "$layer"
    partial+=(--partial "${found[@]}")
done

# CMake wants its lists with ";" between the elements.
list() { local IFS=';'; printf '%s' "$*"; }

cmake -G Ninja -S "$controller" -B "$build" --no-warn-unused-cli \
    -DBOARD="${BOARD:?}" \
    -DVENDOR_ID=0x1209 -DPRODUCT_ID=0x0001 \
    -DKLL_DEFAULT="$(list "${default[@]}")" \
    -DKLL_PARTIAL="$(list "${partial[@]}")"
cmake --build "$build"

printf 'Firmware is in %s\n' "$build"
