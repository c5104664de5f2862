#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A few controllers killed over targets that check themselves, on the guest's kernel.
set -euo pipefail

exec "${MPOL_BUILD:?}/test/kill/kills" --number 20 --target registers
