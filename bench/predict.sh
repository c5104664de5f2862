#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# predict: is the simulator right?  Four workloads are played on a real kernel, in a guest
# whose fast node is too small for them, under first touch and under the kernel's tiering
# (numab), and simulated on the same machine at the same rate.  What the lab's ground
# truth counted in fast memory is set beside what was predicted.
#
# Reclaim in the guest is by two lists (lru_gen is switched off), as in the simulator.  What the
# simulator is told of the guest: each node's managed pages and how many of these were not to be had
# before the player began; and what a page cost the guest's kernel, by its own tracer, since an emulated
# one is so slow that this decides how much it gets done.  No constant of the model is set.
#
# MPOL_PREDICT_KEEP=DIR keeps all that was measured; MPOL_PREDICT_AGAIN=1 then simulates again without
# playing.  MPOL_PREDICT_ARMS: the policies.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

rate=${MPOL_PREDICT_RATE:-20000} seconds=${MPOL_PREDICT_SECONDS:-21}
machine=bench/predict.yaml
predict=${MPOL_BUILD:-$PWD/build}/bench/predict
read -ra arms <<<"${MPOL_PREDICT_ARMS:-first-touch numab}"
# shellcheck disable=SC2054 # the commas are those of the workloads
declare -A workloads=(
	[zipf]=zipf:size=320MiB,threads=1,writes=20%,overlap=64
	[hotcold]=hotcold:size=320MiB,threads=1,hot=20%,hits=90%,writes=20%,overlap=64
	[uniform]=uniform:size=320MiB,threads=1,writes=20%,overlap=64
	[scan]=scan:size=320MiB,threads=1,lines=2,overlap=64
)
names=(zipf hotcold uniform scan)

out=${MPOL_PREDICT_KEEP:-}
if [ -z "$out" ]; then
	out=$(mktemp -d)
	trap 'rm -rf "$out"' EXIT
fi
mkdir -p "$out"

say() {
	echo "predict: $*" >&2
}

play_all() {
	local name arm plays=()
	for name in "${names[@]}"; do
		for arm in "${arms[@]}"; do
			plays+=("$name" "$arm" "${workloads[$name]}")
		done
	done
	lab/run --truth "$out/truth.json" --out "$out" --timeout 900 "$machine" -- \
		bash "$PWD/bench/predict-guest" "$rate" "$seconds" "${plays[@]}"
}

# counted NAME ARM: "FAST ALL LATE-FAST LATE-ALL LATE" by the ground truth: accesses, late ones being those
# of the intervals in the last third, and how many ns after the start these begin.
counted() {
	local start ran
	read -r start ran < <(jq -r 'select(.event == "end") | "\(.start_ns) \(.ran_ns)"' "$out/$1-$2.play")
	jq -r -s --arg mark "$1-$2" --argjson start "$start" --argjson ran "$ran" '
		def sums: [(map(.nodes["0"] | .loads + .stores) | add), (map(.nodes[] | .loads + .stores) | add)];
		(map(.event == "mark" and .name == $mark) | index(true)) as $from | .[$from + 1:] |
		.[:(map(.event == "stop") | index(true))] | map(select(.event == "interval")) |
		map(select(.start_guest_ns >= $start + $ran * 2 / 3)) as $late |
		sums + ($late | sums) + [$late[0].start_guest_ns - $start] | @tsv' "$out/truth.json"
}

# sizes FILE: a line "NODE MANAGED TAKEN" for each node with memory, in pages.  Taken is what the
# player could not have had: by zone, what is not free (or in the list of its CPU, 0) above its
# low watermark and what it keeps from allocations that may go to higher zones; and the page tables that
# come with the player's pages, one for 512 of them.
sizes() {
	awk '
	function end_zone(   room) {
		if (managed) {
			room = free - low - kept
			all[node] += managed
			room = room > 0 ? room - room / 513 : 0
			taken[node] += managed - low - int(room)
		}
		managed = 0
	}
	/^Node/ { end_zone(); node = $2 + 0; free = 0 }
	$1 == "pages" && $2 == "free" { free += $3 }
	$1 == "cpu:" { cpu = $2 }
	$1 == "count:" && cpu == 0 { free += $2 }
	NF == 2 && $1 == "low" { low = $2 }
	NF == 2 && $1 == "managed" { managed = $2 }
	$1 == "protection:" { kept = $5 + 0 }
	END { end_zone(); for (node in all) print node, all[node], taken[node] }' "$1"
}

# costs NAME ARM: what the kernel's work took, as settings of bench/predict.c.  By page: a scan of
# the page tables (a sweep is two scans, of the first 256 MiB and of the rest); kswapd's look at one, and its move of one.  By
# fault: what it took beyond such a move where it promoted.
costs() {
	grep -qv 'overrun: 0$' "$out/$1-$2.lost" && say "$1 $2: the trace is not whole" && return 1
	cat "$out/$1-$2.before" "$out/$1-$2.after" "$out/$1-$2.trace" |
		awk -v pages="$(jq 'select(.event == "ready").pages' "$out/$1-$2.play")" '
	# Of the sweeps: one scan may have met with a host that was busy elsewhere.
	function median_sweep(   i, j, sweep, sorted) {
		for (i = 1; i < scans; i++) {
			sweep = scan_us[i] + scan_us[i + 1]
			for (j = i; j > 1 && sorted[j - 1] > sweep; j--)
				sorted[j] = sorted[j - 1]
			sorted[j] = sweep
		}
		return sorted[int(scans / 2)]
	}
	NF == 2 && $1 ~ /^(pgscan_kswapd|pgdemote_kswapd|pgpromote_success|numa_hint_faults|kswapd_ns)$/ { count[$1] = $2 - count[$1] }
	!/ us / || !/\|/ { next }
	{ split($0, column, "|"); us = column[2] + 0 }
	/play-.*task_numa_work/ && us > 1000 { scan_us[++scans] = us } # others see small mappings
	/kswapd0.*migrate_pages/ { move_us += us }
	/play-.*handle_mm_fault/ { fault_us += us }
	END {
		if (scans > 1)
			printf "entry_ps=%d\n", median_sweep() * 1e6 / pages
		if (count["pgdemote_kswapd"]) {
			move_ns = move_us * 1e3 / count["pgdemote_kswapd"]
			printf "move_ns=%d\n", move_ns
		}
		if (count["numa_hint_faults"]) {
			fault_ns = fault_us * 1e3 - move_ns * count["pgpromote_success"]
			printf "hint_ns=%d\n", (fault_ns > 0 ? fault_ns / count["numa_hint_faults"] : 0)
		}
		if (count["pgscan_kswapd"])
			printf "rmap_ps=%d\n", (count["kswapd_ns"] - move_us * 1e3) * 1e3 / count["pgscan_kswapd"]
	}'
}

# idle_mappings FILE: how many of these the scanner looks at, but for the workload's: what may be
# accessed and, if it is of a file, written.
idle_mappings() {
	awk '$1 !~ /^100000000000-/ && $2 !~ /^---/ && $6 !~ /^\[vvar/ && ($5 == 0 || $2 ~ /^.w/)' "$1" | wc -l
}

# simulate NAME ARM
simulate() {
	local node managed taken settings=()
	while read -r node managed taken; do
		settings+=("managed.$node=$managed" "taken.$node=$taken")
	done < <(sizes "$out/$1-$2.zoneinfo")
	settings+=("idle=$(idle_mappings "$out/$1-$2.maps")")
	costs "$1" "$2" >"$out/$1-$2.costs"
	mapfile -t -O "${#settings[@]}" settings <"$out/$1-$2.costs"
	"$predict" "$machine" "$2" "${workloads[$1]},think=$((1000000000 / rate))ns" "${seconds}000" \
		"${settings[@]}" >"$out/$1-$2.sim"
}

# figure NAME KIND COUNTED PREDICTED: both in percent.
figure() {
	awk -v name="$1" -v real="$3" -v simulated="$4" -v kind="$2" 'BEGIN {
		off = real > simulated ? real - simulated : simulated - real
		printf "{\"name\": \"predict-%s%s\", \"value\": %.2f, \"unit\": \"points\", ", name, kind, off
		print "\"goal\": 1, \"better\": \"less\"}"
	}'
}

# predicted NAME ARM LATE: the shares, in percent, of the whole and from LATE ns after the start on.
predicted() {
	jq -r --argjson late "$3" '(.line[$late / (.interval_ms * 1e6) | floor]) as [$fast, $all] |
		"\(100 * .fast / .all) \(100 * (.fast - $fast) / (.all - $all))"' "$out/$1-$2.sim"
}

# figures NAME ARM: of the whole run and, where anything moves, of its last third.  The shares go
# to $out/shares.
figures() {
	local fast all late_fast late_all late played real real_late simulated simulated_late
	read -r fast all late_fast late_all late < <(counted "$1" "$2")
	played=$(jq 'select(.event == "end").accesses' "$out/$1-$2.play")
	if [ "$all" != "$played" ]; then
		say "$1 $2: $played accesses were played, $all counted"
		return 1
	fi
	real=$(jq -n "100 * $fast / $all") real_late=$(jq -n "100 * $late_fast / $late_all")
	read -r simulated simulated_late < <(predicted "$1" "$2" "$late")
	printf 'predict: %-8s %-12s counted %6.2f %%, predicted %6.2f %%; last third %6.2f %%, %6.2f %%; %s\n' \
		"$1" "$2" "$real" "$simulated" "$real_late" "$simulated_late" \
		"$(jq -r 'select(.event == "end") | "late by \(.latest_ns / 1e6 | floor) ms at most"' "$out/$1-$2.play")" >&2
	echo "$1 $2 $real $simulated" >>"$out/shares"
	figure "$1-$2" "" "$real" "$simulated"
	[ "$2" = first-touch ] || figure "$1-$2" -late "$real_late" "$simulated_late"
}

# Which of the two policies is better, or that they are within a point of each other: for how many
# workloads the simulator says so wrongly.
ranking() {
	awk '
	function order(a, b) { return a - b > 1 ? 1 : b - a > 1 ? -1 : 0 }
	{ real[$1, $2] = $3; simulated[$1, $2] = $4; names[$1] }
	END {
		for (name in names)
			wrong += order(real[name, "numab"], real[name, "first-touch"]) != \
				order(simulated[name, "numab"], simulated[name, "first-touch"])
		printf "{\"name\": \"predict-ranking\", \"value\": %d, \"unit\": \"workloads\", ", wrong
		print "\"goal\": 0, \"better\": \"less\"}"
	}' "$out/shares"
}

[ -n "${MPOL_PREDICT_AGAIN:-}" ] || play_all
rm -f "$out/shares"
for name in "${names[@]}"; do
	for arm in "${arms[@]}"; do
		simulate "$name" "$arm"
		figures "$name" "$arm"
	done
done
[ ${#arms[@]} -lt 2 ] || ranking
