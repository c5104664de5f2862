#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# lab-starts: starts a guest many times (LAB_STARTS, 100 unless told).  Every
# start must reach its command, and under TCG on two cores in less than 12 s.
set -euo pipefail

starts=${LAB_STARTS:-100}
lab_run=$(cd "$(dirname "${BASH_SOURCE[0]}")/../lab" && pwd)/run
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

failures=0
for start in $(seq "$starts"); do
	if "$lab_run" --timeout 120 --time two-dram-cxl -- echo there >"$work/stdout" 2>"$work/stderr" &&
		[ "$(cat "$work/stdout")" = there ]; then
		sed -n 's/^lab\/run: \([0-9.]*\) s from start to command$/\1/p' "$work/stderr" >>"$work/seconds"
	else
		failures=$((failures + 1))
		echo "start $start failed:" >&2
		cat "$work/stderr" >&2
	fi
done

echo "lab-starts: $starts starts, $failures failures" >&2
echo "{\"name\": \"lab-start-failures\", \"value\": $failures, \"unit\": \"of $starts\", \"goal\": 0, \"better\": \"less\"}"
[ -s "$work/seconds" ] || exit 1
median=$(sort -n "$work/seconds" | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }')
echo "{\"name\": \"lab-start-median\", \"value\": $median, \"unit\": \"s\", \"goal\": 12, \"better\": \"less\"}"
