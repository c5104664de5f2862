#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# On a machine with three nodes with memory: mpol set moves where each thread's new
# pages go, mpol move moves those that are there, mpol run starts under every
# policy; the kernel's numa_maps says so each time.
# shellcheck source=test/guest/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
mpol=$MPOL_BUILD/src/cli/mpol
[ "$(cat /sys/devices/system/node/has_memory)" = 0-2 ] || skip "needs nodes 0-2 with memory"

start_target 4

# pages_at ADDRESS: of the range that holds it, pages by node, as "0:10 2:5".
pages_at() {
	"$mpol" show "$pid" --vmas --json | jq -r --arg at "$1" '
		def hex: ltrimstr("0x") | explode | reduce .[] as $c (0; . * 16 + (if $c > 96 then $c - 87 else $c - 48 end));
		.vmas[] | select((.start | hex) <= ($at | hex) and (.end | hex) > ($at | hex)) |
		[.nodes[] | "\(.node):\(.bytes / 4096)"] | join(" ")'
}

bytes_on() {
	"$mpol" show "$pid" --json | jq "[.nodes[] | select(.node == $1) | .bytes] | add // 0"
}

# ---- set: every thread's new pages, and only new ones
like "$("$mpol" set "$pid" bind:2)" '^process .* 4 of 4 threads changed from default to bind:2; longest stop' "set bind:2"
for thread in 0 1 2 3; do
	tell_target grow $thread 8
	within "$(pages_at "$answer" | sed -n 's/.*2:\([0-9]*\).*/\1/p')" 2048 99999 "thread $thread's pages are on node 2"
done
before=$(bytes_on 2)
"$mpol" set "$pid" interleave:0-1 >/dev/null
within "$(bytes_on 2)" "$before" "$before" "pages that are there stay"
tell_target grow 1 8
within "$(bytes_on 1)" $((1000 * 4096)) 99999999999 "half of the new pages are on node 1"

# ---- set: one thread
tid=$("$mpol" show "$pid" --threads --json | jq '.threads[3].tid')
"$mpol" set "$pid" bind:0 --thread "$tid" >/dev/null
is "$("$mpol" show "$pid" --json | jq -c '[.policies[] | [.policy, .threads]]')" \
	'[["interleave:0-1",3],["bind:0",1]]' "one thread has another policy"

# ---- move
moved=$("$mpol" move "$pid" --from 2 --to 0 --json)
is "$(jq '.moved_bytes >= 33554432 and .moved_bytes + ([.stayed_bytes[]] | add) == .wanted_bytes' <<<"$moved")" true \
	"32 MiB move from node 2, and every page is accounted for"
within "$(bytes_on 2)" 0 $((4 << 20)) "node 2 has only what is shared or cannot move"
"$mpol" move "$pid" --from 0 --to 1,2 >/dev/null || true
within "$(bytes_on 1)" $((12 << 20)) 99999999999 "batches go to node 1"
within "$(bytes_on 2)" $((12 << 20)) 99999999999 "and to node 2 in turn"
started=$(date +%s%N)
rated=$("$mpol" move "$pid" --from 1,2 --to 0 --rate 10MB/s --json)
seconds=$((($(date +%s%N) - started) / 1000000))
is "$(jq --argjson ms $seconds '.moved_bytes / $ms <= 11000' <<<"$rated")" true "--rate 10MB/s is kept"
would=$("$mpol" move "$pid" --from 0 --to 2 --dry-run)
like "$would" 'would move up to .* from node 0 to node 2' "a dry run says what it would do"
within "$(bytes_on 2)" 0 $((4 << 20)) "and moves nothing"

# ---- move: no room.  Node 2's free memory is taken first.
free_mib=$(awk '/MemFree/ { print int($4 / 1024) }' /sys/devices/system/node/node2/meminfo)
"$mpol" set "$pid" prefer:0 >/dev/null
coproc HOG { exec "$mpol" run prefer:2 "$MPOL_BUILD/test/guest/target" 1; } 2>/dev/null
# shellcheck disable=SC2153
hog=$HOG_PID
read -r -t 60 _ <&"${HOG[0]}"
echo "grow 0 $((free_mib - 24))" >&"${HOG[1]}"
read -r -t 120 _ <&"${HOG[0]}"
status=0
full=$("$mpol" move "$pid" --from 0 --to 2 --json) || status=$?
is "$(jq '.moved_bytes + ([.stayed_bytes[]] | add) == .wanted_bytes' <<<"$full")" true "with a full node every page is accounted for"
is "$(jq '.stayed_bytes.no_memory > 0' <<<"$full") $status" "true 3" "what has no room stays, and mpol says so"
# As does who changes a policy and has pages follow it.
status=0
full=$("$mpol" bind "$pid" anon prefer:2 --move) || status=$?
like "$full" 'stayed: no room on the destination' "bind --move says what stayed, and why"
is "$status" 3 "and that not all has moved"
"$mpol" undo "$pid" >/dev/null
status=0
full=$("$mpol" set "$pid" prefer:2 --move --json) || status=$?
is "$(jq '.stayed_bytes.no_memory > 0' <<<"$full") $status" "true 3" "so does set --move, in JSON"
"$mpol" undo "$pid" >/dev/null
kill "$hog"
wait "$hog" 2>/dev/null || true

# ---- run: every mode, as the kernel shows it
run_shows() {
	is "$("$mpol" run "$1" -- sed -n '1s/^[^ ]* \(.*\) file=.*/\1/p' /proc/self/numa_maps)" "$2" "run $1"
}
run_shows bind:0-1 bind:0-1
run_shows prefer:1 prefer:1
run_shows prefer-many:1-2 'prefer (many):1-2'
run_shows interleave:all interleave:0-2
run_shows local local
run_shows default default
run_shows bind:0,2+static bind=static:0,2
run_shows bind:0-1+relative bind=relative:0-1
if [ -d /sys/kernel/mm/mempolicy/weighted_interleave ]; then
	run_shows weighted:0,2 'weighted interleave:0,2'
	run_shows bind:0+balancing bind=balancing:0
	echo 3 >/sys/kernel/mm/mempolicy/weighted_interleave/node0
	run_shows weighted:0=3,2=1 'weighted interleave:0,2'
	like "$("$mpol" run weighted:0=2,2=1 true 2>&1)" "the kernel's \(0=3,2=1\)" "other weights are refused, with the kernel's named"
else
	like "$("$mpol" run weighted:0,2 true 2>&1)" 'came with Linux 6.9' "weighted says which kernel has it"
fi

# ---- the cpuset's word
mkdir -p /sys/fs/cgroup
mountpoint -q /sys/fs/cgroup || mount -t cgroup2 none /sys/fs/cgroup
echo +cpuset >/sys/fs/cgroup/cgroup.subtree_control
mkdir -p /sys/fs/cgroup/two
echo 0-1 >/sys/fs/cgroup/two/cpuset.mems
echo "$pid" >/sys/fs/cgroup/two/cgroup.procs
like "$("$mpol" set "$pid" bind:2 2>&1)" 'none of the nodes has memory that the cpuset allows.*' "a policy outside the cpuset is refused"
like "$("$mpol" set "$pid" bind:2 2>&1)" 'its cpuset allows nodes 0-1' "with what it allows"
like "$("$mpol" move "$pid" --from 0 --to 2 2>&1)" 'cpuset allows none of the nodes to move to' "so is a move"
is "$("$mpol" show "$pid" --json | jq -r '.policies[0].policy')" prefer:0 "the policy is what it was"

kill "$pid"
finish
