#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What the ground truth costs the program that it counts: the same program in
# guests with and without the plugin, in turn, medians of 5.  "shell" (bash
# in a loop) stands for an ordinary program, "loads" is nothing but loads: the worst there can be.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

rounds=5
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# What runs in the guest: prints "NAME NS" for each program.  The time is the fastest of
# three, which other guests on the same CPUs disturb least.
cat >"$scratch/programs" <<'END'
counted() {
	if [ -n "$TRUTH" ]; then
		truth-ctl run --quiet -- "$@"
	else
		"$@"
	fi
}
fastest() {
	printf '%s\n' "$@" | sort -n | head -n 1
}
loop='start=$EPOCHREALTIME; for ((i = 0; i < 40000; i++)); do word[i % 100]=$i; done
	echo $((${EPOCHREALTIME/.} - ${start/.}))000'
echo "shell $(fastest $(for i in 1 2 3; do counted bash -c "$loop"; done))"
echo "loads $(fastest $(for i in 1 2 3; do counted "$PATTERN" node=0 loads=10000000; done))"
END

build=${MPOL_BUILD:-$PWD/build}

# run ARM [LAB/RUN OPTION...]: one guest; appends its figures to ARM-PROGRAM.
run() {
	local arm=$1 counting=
	shift
	[ "$arm" = without ] || counting=1
	lab/run "$@" two-dram-cxl -- env "TRUTH=$counting" "PATTERN=$build/lab/plugin/pattern" \
		bash "$scratch/programs" >"$scratch/figures"
	while read -r program ns; do
		echo "$ns" >>"$scratch/$arm-$program"
	done <"$scratch/figures"
}

median() {
	sort -n "$1" | sed -n "$((rounds / 2 + 1))p"
}

for round in $(seq $rounds); do
	echo "truth-overhead: round $round of $rounds" >&2
	run without
	run with --truth "$scratch/truth.json"
done
# A program under TCG alone is the peer: 1.  The goals are what a measurement can stand.
while read -r program goal; do
	awk -v with="$(median "$scratch/with-$program")" -v without="$(median "$scratch/without-$program")" \
		-v program="$program" -v goal="$goal" 'BEGIN {
		printf "{\"name\": \"truth-overhead-%s\", \"value\": %.2f, \"unit\": \"x\", \"goal\": %s, ", program, with / without, goal
		printf "\"better\": \"less\", \"peer\": 1, \"peer_name\": \"no plugin\"}\n"
	}'
done <<'END'
shell 2
loads 8
END
