#!/usr/bin/env bash
# Builds the reference firmware as infinity; build.bash says how it is called.
export BOARD=infinity
# shellcheck source-path=SCRIPTDIR source=build.bash
source "$(dirname "${BASH_SOURCE[0]}")/build.bash"
