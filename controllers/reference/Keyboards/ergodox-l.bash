#!/usr/bin/env bash
# Builds the reference firmware as ergodox-l; build.bash says how it is called.
export BOARD=ergodox-l
DefaultMap=infinity_ergodox/lcdFuncMap
# shellcheck source-path=SCRIPTDIR source=build.bash
source "$(dirname "${BASH_SOURCE[0]}")/build.bash"
