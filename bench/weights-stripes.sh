#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# weights-stripes: what cutting 64 GiB of a process into stripes costs it (bench/weights-stripes.c).  In a guest
# whose clocks count instructions, 2 ns each: how busy the host is changes nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

exec lab/run --icount --timeout 900 two-dram-cxl -- "${MPOL_BUILD:-$PWD/build}/bench/weights-stripes"
