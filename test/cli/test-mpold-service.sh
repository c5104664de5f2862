#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpold's unit, as systemd understands it: no key that it does not know, and an exposure that does not grow.
set -euo pipefail
service=$1
mpold=$(realpath -- "$2")
type systemd-analyze >/dev/null 2>&1 || {
	[ -z "${MPOL_MUST_RUN-}" ] || exit 1
	echo "systemd-analyze is not installed"
	exit 77
}
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

# Where the program is before it is installed.
sed "s|^ExecStart=[^ ]*|ExecStart=$mpold|" "$service" >"$scratch/mpold.service"
status=0
said=$(systemd-analyze verify --man=no "$scratch/mpold.service" 2>&1) || status=$?
if [ "$status" -ne 0 ] || [ -n "$said" ]; then
	echo "FAILED: verify: $said"
	status=1
fi
# In tenths: 28 was measured.
systemd-analyze security --offline=yes --threshold=28 --no-pager "$scratch/mpold.service" >"$scratch/said" || {
	echo "FAILED: exposure:"
	grep -v '✓' "$scratch/said"
	status=1
}
tail -1 "$scratch/said"
exit "$status"
