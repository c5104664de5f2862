#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tiering: mpold against the kernel's tiering and DAMON, on a real kernel in a guest whose fast node holds
# half of what is played.  All arms play the same accesses at the same pace with the same flushes
# (lab/play.c), one after the other in every round; the accesses are counted by the lab's ground truth, and
# set beside an oracle of the same capacity (lab/oracle.c).  All memory is slow at first; after
# MPOL_TIERING_PHASE seconds other pages are hot.
#
# Times and CPU are those of an emulated machine: only ratios within a round say anything.
#
# MPOL_TIERING_KEEP=DIR keeps all that was measured; MPOL_TIERING_AGAIN=1 then computes the figures again without playing.
# MPOL_TIERING_ROUNDS, _WORKLOADS (zipf hotcold huge harm), _ARMS: fewer of these.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

phase=${MPOL_TIERING_PHASE:-40} rounds=${MPOL_TIERING_ROUNDS:-5}
harm_seconds=30
pages=65536 # that are played; large plays more
read -ra chosen <<<"${MPOL_TIERING_WORKLOADS:-zipf hotcold huge harm}"
read -ra arms <<<"${MPOL_TIERING_ARMS:-oracle mpold kernel damon none}"
all=size=256MiB,threads=1,writes=20%
# shellcheck disable=SC2054 # the commas are those of the workloads
declare -A workloads=(
	[zipf]=zipf:$all
	[hotcold]=hotcold:hot=10%,hits=90%,$all
	[huge]=zipf:scatter=huge,$all
	[uniform]=uniform:$all
	[scan]=scan:size=256MiB,threads=1,lines=2
	[pingpong]=pingpong:hot=20%,hits=90%,period=300000,$all
	[large]=zipf:size=512MiB,threads=1,writes=20%
)
# Accesses and bursts of them per second.  What a burst touches is accessed at one time to whoever looks; a huge page has the
# accesses of 512 pages, and so there are fewer, in more bursts.
declare -A paces=([huge]="100000 1000") # the others': "400000 100"
harmless=(uniform scan pingpong large)

out=${MPOL_TIERING_KEEP:-}
if [ -z "$out" ]; then
	out=$(mktemp -d)
	trap 'rm -rf "$out"' EXIT
fi
mkdir -p "$out"

# guest NAME ROUND SECONDS PLAY...: one guest for all plays of a round; see bench/tiering-guest.  Its kernel
# is always on the fast node; by chance it is in one start of four, and takes a sixth of that.
guest() {
	local name=$1-$2 seconds=$3 rate bursts
	read -r rate bursts <<<"${paces[$1]:-400000 100}"
	shift 3
	lab/run --again --append nokaslr --truth "$out/$name.truth" --out "$out" \
		--timeout $((300 + $# * (seconds * 2 + 60) / 6)) bench/tiering.yaml -- \
		bash "$PWD/bench/tiering-guest" "$rate" "$bursts" "$seconds" "$phase" "$pages" "$@"
}

play_round() {
	local name arm unit plays
	for name in "${chosen[@]}"; do
		plays=()
		if [ "$name" = harm ]; then
			for harmless in "${harmless[@]}"; do
				for arm in none mpold; do
					plays+=("$harmless-$arm-$1" "$arm" 1 - - "${workloads[$harmless]}")
				done
			done
			guest harm "$1" "$harm_seconds" "${plays[@]}"
			continue
		fi
		unit=1
		[ "$name" != huge ] || unit=512
		for arm in "${arms[@]}"; do
			plays+=("$name-$arm-$1" "$arm" "$unit" 1 shift "${workloads[$name]}")
		done
		guest "$name" "$1" $((2 * phase)) "${plays[@]}"
	done
}

# measured: lines of words for bench/tiering-figures.awk.
measured() {
	shopt -s nullglob # harm has no oracle
	local file name
	for file in "$out"/*.truth; do
		jq -r 'select(.event == "mark" or .event == "interval") |
			if .event == "mark" then "mark \(.name)" else
			"share \(.start_guest_ns) \(.nodes["0"] | .loads + .stores) \([.nodes[] | .loads + .stores] | add)" end' "$file"
	done
	for file in "$out"/*.play; do
		name=$(basename "$file" .play)
		jq -r --arg name "$name" 'select(.event == "end") | "play \($name) \(.start_ns) \(.busy_ns + .away_ns)"' "$file"
	done
	for file in "$out"/*.oracle; do
		awk -v name="$(basename "$file" .oracle)" 'NF == 2 { print "oracle", name, $1 / $2 }' "$file"
	done
	for file in "$out"/*.at-*; do
		name=$(basename "$file")
		awk -v name="${name%.at-*}" -v at="${name##*.at-}" '
			$1 == "pgmigrate_success" { moved = $2 }
			$1 == "manager_ns" { cpu += $2 }
			END { printf "count %s %d %.0f %.0f\n", name, at, moved, cpu }' "$file"
	done
}

if [ -z "${MPOL_TIERING_AGAIN:-}" ]; then
	for round in $(seq "$rounds"); do
		play_round "$round"
	done
fi
measured >"$out/measured"
awk -v phase="$phase" -v pages="$pages" -f bench/tiering-figures.awk "$out/measured"
