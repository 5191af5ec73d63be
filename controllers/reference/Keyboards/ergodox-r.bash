#!/usr/bin/env bash
# Builds the reference firmware as ergodox-r; build.bash says how it is called.
export BOARD=ergodox-r
# shellcheck source-path=SCRIPTDIR source=build.bash
source "$(dirname "${BASH_SOURCE[0]}")/build.bash"
