#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench/sim-lru beside a stand-in for libCacheSim's cachesim that speaks as it does: the
# same misses are taken as the same, one more or less is noticed, and so are
# reports that cannot be compared.  Argument: the built sim-lru.
set -euo pipefail

scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT
ln -s "$(realpath "$1")" "$scratch/sim-lru"
failures=0

# An exact LRU, slowly, that skips its first request (as a warm-up) where SKIP is set, adds
# EXTRA misses, and reports intervals of EVERY seconds.
cat >"$scratch/cachesim" <<'END'
#!/bin/sh
[ "$2 $3 $5 $6" = "oracleGeneral lru --ignore-obj-size 1" ] || exit 3
[ -z "${SILENT-}" ] || exit 0
od -An -v -w24 -tu4 "$1" | awk -v size="$4" -v skip="${SKIP-0}" -v misses="${EXTRA-0}" -v every="${EVERY-1}" '
function report() {
	printf "[INFO]  trace LRU %.2f hour: %d requests, miss ratio %.4f, interval miss ratio %.4f\n",
		$1 / 3600, nr, misses / nr, (misses - misses_before) / (nr - nr_before)
	misses_before = misses; nr_before = nr; time = $1
}
BEGIN { oldest = cached = nr = misses_before = nr_before = time = 0 }
{
	id = $2 " " $3
	missed = !(id in last)
	if (missed && cached++ == size) {
		while (last[log_of[oldest]] != oldest) delete log_of[oldest++]
		delete last[log_of[oldest]]
		delete log_of[oldest++]
		cached--
	}
	last[id] = NR - 1
	log_of[NR - 1] = id
	if (NR == 1 && skip) next
	nr++
	misses += missed
	if ($1 >= time + every) report()
}'
END
chmod +x "$scratch/cachesim"

# check TEXT [VAR=VALUE...]: what sim-lru says has TEXT.
check() {
	local text=$1
	shift
	env "$@" LIBCACHESIM="$scratch/cachesim" "$scratch/sim-lru" 20001 1000 >"$scratch/said" 2>&1 </dev/null || true
	grep -qF -- "$text" "$scratch/said" && return
	echo "not ok: no '$text' with ${*:-nothing set}; it said:"
	cat "$scratch/said"
	failures=$((failures + 1))
}

check '"name":"sim-lru-other-misses","value":0,' EXTRA=0
check '"name":"sim-lru-other-misses","value":0,' SKIP=1
check '"name":"sim-lru-other-misses","value":5,' EXTRA=1
check '"name":"sim-lru-other-misses","value":5,' EXTRA=-1
check 'other intervals than were asked for' EVERY=2
check 'reports no intervals' SILENT=1
check '"peer_name":"libCacheSim"' EXTRA=0
exit "$failures"
