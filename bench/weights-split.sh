#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# weights-split: is memory split as weights say?  By each way there is, for base and huge pages, on machines with
# 2, 3 and 8 nodes, and for memory that is given back and taken anew all the time; in guests, where pages are
# asked for where they are.  A figure is the worst case of a way: of all machines and kinds of memory, the
# node whose share of the pages is farthest from its share of the weights, in percentage points.  bench/weights-split-guest
# has the cases.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# MACHINE WEIGHTS OTHER_WEIGHTS: sums that the number of pages is no multiple of.
machines=(
	"two-dram 0=1,1=3 0=2,1=1"
	"two-dram-cxl 0=3,1=2,2=1 0=1,1=1,2=2"
	"eight-nodes-sparse 0=3,1=2,4=2,6=1,9=1,10=1,11=1 0=1,1=1,4=1,6=1,9=2,10=2,11=3"
)

lines=$(mktemp)
trap 'rm "$lines"' EXIT
for each in "${machines[@]}"; do
	read -r machine weights other_weights <<<"$each"
	echo "weights-split: $machine, $weights, $other_weights" >&2
	lab/run --timeout 1200 "$machine" -- bash "$PWD/bench/weights-split-guest" "$weights" "$other_weights" >>"$lines"
done

# figure NAME UNIT GOAL KIND WAY: the worst of a way's cases.
figure() {
	awk -v name="$1" -v unit="$2" -v goal="$3" -v kind="$4" -v way="$5" '
		$1 == kind && $2 == way { nr++; if ($4 > worst) worst = $4 }
		END {
			if (!nr) exit 1
			printf "{\"name\": \"%s\", \"value\": %.3f, \"unit\": \"%s\", \"goal\": %s, \"better\": \"less\"}\n", name, worst, unit, goal
		}' "$lines"
}

for way in native striped launched two-programs redistributed; do
	figure "weights-split-$way" pp 0.5 split "$way"
done
figure weights-split-moves x 1.05 moves redistributed
