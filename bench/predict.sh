#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# predict: is the simulator right?  Four workloads are played on a real kernel, in a guest
# whose fast node is too small for them, under first touch and under the kernel's tiering
# (numab), and simulated on the same machine at the same rate.  What the lab's ground
# truth counted in fast memory is set beside what was predicted.
#
# Reclaim in the guest is by two lists (lru_gen is switched off), as in the simulator.  What the
# simulator is told of the guest: each node's managed pages and how many of these were not to be had
# before the player started.  No constant of the model is set.
#
# MPOL_PREDICT_KEEP=DIR keeps all that was measured; MPOL_PREDICT_AGAIN=1 then simulates again without
# playing.  MPOL_PREDICT_ARMS: the policies.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

rate=${MPOL_PREDICT_RATE:-50000} seconds=${MPOL_PREDICT_SECONDS:-25}
machine=bench/predict.yaml
mpol=${MPOL_BUILD:-$PWD/build}/src/cli/mpol
read -ra arms <<<"${MPOL_PREDICT_ARMS:-first-touch numab}"
# shellcheck disable=SC2054 # the commas are those of the workloads
declare -A workloads=(
	[zipf]=zipf:size=320MiB,threads=1,writes=20%,overlap=64
	[hotcold]=hotcold:size=320MiB,threads=1,hot=20%,hits=90%,writes=20%,overlap=64
	[uniform]=uniform:size=320MiB,threads=1,writes=20%,overlap=64
	[scan]=scan:size=320MiB,threads=1,lines=8,overlap=64
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

# counted NAME ARM: "FAST ALL" accesses by the ground truth.
counted() {
	jq -r -s --arg mark "$1-$2" '
		(map(.event == "mark" and .name == $mark) | index(true)) as $from | .[$from + 1:] |
		.[:(map(.event == "stop") | index(true))] | map(select(.event == "interval").nodes) |
		[(map(.["0"] | .loads + .stores) | add), (map(.[] | .loads + .stores) | add)] | @tsv' \
		"$out/truth.json"
}

# sizes FILE: a line "NODE MANAGED TAKEN" for each node with memory, in pages.  Taken is what the
# player could not have had: by zone, what is not free (or in the list of its CPU, 0) above its
# low watermark and what it keeps from allocations that may go to higher zones.
sizes() {
	awk '
	function end_zone(   room) {
		if (managed) {
			room = free - low - kept
			all[node] += managed
			taken[node] += managed - low - (room > 0 ? room : 0)
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

# simulate NAME ARM
simulate() {
	local node managed taken options=()
	while read -r node managed taken; do
		options+=(--memory "$node=$((managed * 4))KiB" --kernel "$node=$((taken * 4))KiB")
	done < <(sizes "$out/$1-$2.zoneinfo")
	"$mpol" sim --json --machine "$machine" --policy "$2" --time "${seconds}s" --interval 100ms \
		--workload "${workloads[$1]},think=$((1000000000 / rate))ns" "${options[@]}" >"$out/$1-$2.sim"
}

# figures NAME ARM: the figure, and a line for people; the shares go to $out/shares.
figures() {
	local fast all played share
	read -r fast all < <(counted "$1" "$2")
	played=$(jq 'select(.event == "end").accesses' "$out/$1-$2.play")
	if [ "$all" != "$played" ]; then
		say "$1 $2: $played accesses were played, $all counted"
		return 1
	fi
	share=$(jq '.policies[0].fast_share' "$out/$1-$2.sim")
	awk -v fast="$fast" -v all="$all" -v share="$share" -v name="$1" -v arm="$2" -v out="$out/shares" \
		-v late="$(jq 'select(.event == "end").latest_ns / 1e9' "$out/$1-$2.play")" 'BEGIN {
		real = 100 * fast / all
		simulated = 100 * share
		off = real > simulated ? real - simulated : simulated - real
		printf "predict: %-8s %-12s counted %6.2f %%, predicted %6.2f %% (played at most %.2f s late)\n", \
			name, arm, real, simulated, late >"/dev/stderr"
		print name, arm, real, simulated >>out
		printf "{\"name\": \"predict-%s-%s\", \"value\": %.2f, \"unit\": \"points\", ", name, arm, off
		print "\"goal\": 1, \"better\": \"less\"}"
	}'
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
