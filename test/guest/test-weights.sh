#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpol weights against a real kernel's table: what is set is what the kernel shows, and where it
# puts pages; undo restores both.  On a kernel without a table: refused, nothing changed.
# shellcheck source=test/guest/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
mpol=$MPOL_BUILD/src/cli/mpol
table=/sys/kernel/mm/mempolicy/weighted_interleave
[ "$(cat /sys/devices/system/node/has_memory)" = 0-2 ] || skip "needs nodes 0-2 with memory"
command -v python3 >/dev/null || skip "needs python3"
XDG_STATE_HOME=$(mktemp -d)
export XDG_STATE_HOME
echo 0 >/proc/sys/kernel/numa_balancing

# What the firmware of this machine states leads to these, with any kernel.
is "$("$mpol" weights explain --json | jq -r '[.derived[0].nodes[].weight] | join(" ")')" "9 9 4" "weights from HMAT"

sleep 1000 &
sleeper=$!
like "$("$mpol" set --dry-run $sleeper weighted:auto)" 'weighted:0-1=9,2=4: ' "weighted:auto is these"
like "$("$mpol" set --dry-run $sleeper weighted:auto:0,2+static)" 'weighted:0=9,2=4\+static: ' "or those of some nodes"
kill $sleeper

# How fast emulated memory is means nothing: only that each pair is measured, and used.
is "$("$mpol" weights measure --time 200ms --json | jq -r '[.bandwidths[] | "\(.initiator)-\(.target // "all")"] | join(" ")')" \
	"0-0 0-1 0-2 0-all 1-0 1-1 1-2 1-all" "what is measured"
is "$("$mpol" weights explain --json | jq -r '[.source, (.derived[] | (.initiator // "all"))] | join(" ")')" "measured all 0 1" "is used"
rm -r "$XDG_STATE_HOME/mpol"
is "$("$mpol" weights explain --json | jq -r .source)" stated "where it was measured"

if [ ! -d $table ]; then
	for words in "auto" "set 0=3,2=1" "set default"; do
		status=0
		# shellcheck disable=SC2086 # an action and its argument
		said=$("$mpol" weights $words 2>&1) || status=$?
		is "$status" 1 "mpol weights $words without a table"
		like "$said" 'they came with Linux 6.9' "says why"
		like "$said" 'interleave:NODES' "and what serves instead"
	done
	like "$("$mpol" undo --list --json | jq -c .)" '"changes":\[\]' "nothing is recorded"
	finish
fi

in_table() {
	echo "$(cat $table/node0) $(cat $table/node1) $(cat $table/node2)"
}

# placed PAGES [POLICY]: a fresh range of so many small pages, touched: how many the kernel has on each node.
placed() {
	"$mpol" run "${2-weighted:0-2}" -- python3 -c '
import mmap, re, sys
pages = int(sys.argv[1])
memory = mmap.mmap(-1, pages * 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
memory.madvise(mmap.MADV_NOHUGEPAGE)
for page in range(pages):
    memory[page * 4096] = 1
for line in open("/proc/self/numa_maps"):
    if re.search(r" anon=%d " % pages, line):
        print(*[(re.findall(r" N%d=(\d+)" % node, line) or ["0"])[0] for node in range(3)])
' "$1"
}

is "$(in_table)" "1 1 1" "the kernel's weights at first"
is "$(placed 6600)" "2200 2200 2200" "pages go round evenly"

like "$("$mpol" weights set 0=3,1=1,2=2)" 'node 0: weight 1 -> 3' "set says what it changes"
is "$(in_table)" "3 1 2" "the kernel has them"
is "$(placed 6600)" "3300 1100 2200" "and goes by them"
like "$("$mpol" weights auto)" 'node 2: weight 2 -> 4' "auto says what it changes"
is "$(in_table)" "9 9 4" "the kernel has those"
is "$(placed 6600)" "2700 2700 1200" "and goes by them"
is "$(placed 6600 weighted:auto)" "2700 2700 1200" "as does weighted:auto"
"$mpol" weights set 1=255 >/dev/null
is "$(in_table)" "9 255 4" "one alone, and the largest"
status=0
"$mpol" weights set 0=1,1=1,3=1 2>/dev/null || status=$?
is "$status" 2 "a node that does not exist"
is "$(in_table)" "9 255 4" "changes nothing"

"$mpol" undo --weights >/dev/null
is "$(in_table)" "9 9 4" "undo takes the last back"
"$mpol" undo --weights --all >/dev/null
is "$(in_table)" "1 1 1" "and all"
is "$(placed 6600)" "2200 2200 2200" "pages go round evenly again"

# Killed at any moment: undo finds the way back.
for delay in 0.0 0.05 0.1 0.15 0.2 0.3; do
	"$mpol" weights set 0=5,1=6,2=7 >/dev/null 2>&1 &
	setter=$!
	sleep "$delay"
	kill -9 "$setter" 2>/dev/null || true
	wait "$setter" 2>/dev/null || true
done
"$mpol" undo --weights --all >/dev/null 2>&1 || true
is "$(in_table)" "1 1 1" "undo after controllers were killed"
finish
