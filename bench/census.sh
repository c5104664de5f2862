#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench/census.c, here if this machine has several nodes with memory, else in a guest of the lab.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/../tools/on-nodes" "bench/census"
