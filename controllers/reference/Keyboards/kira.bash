#!/usr/bin/env bash
# Builds the reference firmware as kira; build.bash says how it is called.
export BOARD=kira
# shellcheck source-path=SCRIPTDIR source=build.bash
source "$(dirname "${BASH_SOURCE[0]}")/build.bash"
