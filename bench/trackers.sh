#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# trackers: mpol's trackers against DAMON, on hot sets that are known; in a guest, whose kernel it changes.
# bench/trackers.c says how.  CPU time is instructions that the guest has executed (lab/run --icount), as if
# none ever missed a cache: ratios within a round say something, percents of a CPU do not.
#
# MPOL_TRACKERS_ROUNDS (5) and MPOL_TRACKERS_SECONDS (20), for each who looks: fewer of these.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build=${MPOL_BUILD:-$PWD/build}
rounds=${MPOL_TRACKERS_ROUNDS:-5} seconds=${MPOL_TRACKERS_SECONDS:-20}
exec lab/run --icount --timeout $((600 + (rounds + 2) * seconds * 120)) two-dram-cxl -- "$build/bench/trackers" "$rounds" "$seconds"
