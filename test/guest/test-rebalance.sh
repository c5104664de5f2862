#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpol rebalance moves what is there to where policies put new pages: the split that numa_maps shows
# is within half a percent of the weights, and the kernel's count of migrated pages within a twentieth
# of the fewest possible.  On a machine with nodes 0-2.
# shellcheck source=test/guest/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
mpol=$MPOL_BUILD/src/cli/mpol
table=/sys/kernel/mm/mempolicy/weighted_interleave
[ "$(cat /sys/devices/system/node/has_memory)" = 0-2 ] || skip "needs nodes 0-2 with memory"
[ -d $table ] || skip "needs a kernel with weights (Linux 6.9)"
XDG_STATE_HOME=$(mktemp -d)
export XDG_STATE_HOME
echo 0 >/proc/sys/kernel/numa_balancing

start_target 1

# pages_at ADDRESS NODE: of the 64 MiB from there on, the pages on the node, as numa_maps has them.
pages_at() {
	local start fields low=$((16#$1)) pages=0
	while read -r start fields; do
		((16#$start >= low && 16#$start < low + (64 << 20))) || continue
		[[ "$fields " != *" N$2="* ]] || fields=${fields#*" N$2="}
		[[ $fields != [0-9]* ]] || pages=$((pages + ${fields%% *}))
	done <<<"$(cat "/proc/$pid/numa_maps")"
	echo $pages
}

# parts ADDRESS PERMILLE...: the range's pages are on nodes 0, 1, ... in these parts, within half a percent.
parts() {
	local at=$1 node all=0 pages=()
	shift
	for node in 0 1 2; do
		pages+=("$(pages_at "$at" $node)")
		all=$((all + pages[node]))
	done
	for node in 0 1 2; do
		within "${pages[node]}" $((all * ($1 - 5) / 1000)) $((all * ($1 + 5) / 1000 + 1)) "node $node has $1 permille of $all pages"
		shift
	done
}

migrated() {
	awk '$1 == "pgmigrate_success" { print $2 }' /proc/vmstat
}

# rebalance ARGUMENT...: with what the kernel says of it.  Sets $json and $moved (pages).
rebalance() {
	local before
	before=$(migrated)
	json=$("$mpol" rebalance "$pid" "$@" --json) || true
	moved=$(($(migrated) - before))
}

# economical LEAST SENTENCE: the last one moved no more than a twentieth above so many pages.
economical() {
	within "$moved" "$1" $(($1 * 21 / 20)) "$2"
	within "$(jq '.moved_bytes / 4096' <<<"$json")" "$1" $(($1 * 21 / 20)) "$2, mpol says"
}

like "$("$mpol" rebalance "$pid" 2>&1)" 'no policy says where its memory is to be' "without a policy there is nothing to do"

# ---- New weights: 1:1 of 64 MiB becomes 3:1, so a quarter moves.
"$mpol" weights set 0=1,1=1,2=1 >/dev/null
"$mpol" set "$pid" weighted:0,2 >/dev/null
tell_target grow 0 64
range=$answer
parts "$range" 500 0 500
rebalance
is "$(jq '.least_bytes < 100000' <<<"$json")" true "what is right stays"
"$mpol" weights set 0=3,2=1 >/dev/null
would=$("$mpol" rebalance "$pid" --dry-run)
like "$would" 'would move 16\.[0-9] MiB of 64\.[0-9] MiB' "a dry run says how much"
parts "$range" 500 0 500
rebalance
parts "$range" 750 0 250
economical 4096 "a quarter of the pages moved"
is "$(jq '.least_bytes == .moved_bytes' <<<"$json")" true "which is the least that must"
rebalance
is "$(jq '[.least_bytes, .moved_bytes] | tostring' <<<"$json") $moved" '"[0,0]" 0' "then there is nothing to do"

# ---- A policy from the command line, over three nodes
rebalance weighted:0=1,1=2,2=1
parts "$range" 250 500 250
economical 8192 "half of the pages moved"
rebalance interleave:0-2
parts "$range" 333 333 333

# ---- A node leaves; then it is there again
"$mpol" set "$pid" interleave:0-2 >/dev/null
rebalance --drain 1
parts "$range" 500 0 500
economical 5461 "what was on node 1 moved"
is "$(jq '[.nodes[] | select(.node == 1) | .after_bytes] | add' <<<"$json")" 0 "node 1 is empty"
rebalance
parts "$range" 333 333 333
economical 5461 "a third is back"

# ---- Huge pages stay whole
echo madvise >/sys/kernel/mm/transparent_hugepage/enabled
"$mpol" set "$pid" weighted:0,2 >/dev/null
tell_target huge 0 64
huge=$answer
huge_kib() {
	awk -v at="$huge" '$1 ~ "^" at "-" { here = 1 } here && /^AnonHugePages/ { print $2; exit }' "/proc/$pid/smaps"
}
is "$(huge_kib)" 65536 "64 MiB of huge pages"
parts "$huge" 750 0 250
rebalance weighted:0=1,1=2,2=1
parts "$huge" 250 500 250
is "$(huge_kib)" 65536 "are still huge"

# ---- Stopped in the middle, and killed: what is left is done next time
"$mpol" set "$pid" bind:0 --move >/dev/null
"$mpol" set "$pid" interleave:0,2 >/dev/null
least=$("$mpol" rebalance "$pid" --dry-run --json | jq .least_bytes)
on_two() {
	echo $(($(pages_at "$range" 2) + $(pages_at "$huge" 2)))
}
for signal in INT KILL; do
	"$mpol" rebalance "$pid" --rate 4MB/s --json >"$XDG_STATE_HOME/stopped" 2>/dev/null &
	stopped=$!
	before=$(on_two)
	for _ in $(seq 100); do
		[ "$(on_two)" = "$before" ] || break
		sleep 0.2
	done
	kill -$signal $stopped
	status=0
	wait $stopped || status=$?
	[ $signal = KILL ] || is "$status $(jq '.moved_bytes > 0 and .moved_bytes < .least_bytes' "$XDG_STATE_HOME/stopped")" \
		"3 true" "stopped, it says what it did"
done
left=$("$mpol" rebalance "$pid" --dry-run --json | jq .least_bytes)
within "$left" 1 $((least - 1)) "something is left to do"
rebalance
within "$(jq .moved_bytes <<<"$json")" $((left - (2 << 20))) "$left" "the next one does just that"
parts "$range" 500 0 500
parts "$huge" 500 0 500

# ---- Ranges that bind or prefer get what is elsewhere; others are left alone
"$mpol" set "$pid" default >/dev/null
"$mpol" bind "$pid" "0x$range+64MiB" prefer:1 >/dev/null
rebalance
parts "$range" 0 1000 0
parts "$huge" 500 0 500
"$mpol" bind "$pid" "0x$range+64MiB" interleave:0-1 --move >/dev/null
parts "$range" 500 500 0
"$mpol" bind "$pid" "0x$range+64MiB" default >/dev/null
"$mpol" set "$pid" weighted:0-2 --move >/dev/null
parts "$range" 600 200 200

# ---- Watched: again when weights change, and when the policy does
# until_parts ADDRESS NODE PAGES: waits until the node has so many, about.
until_parts() {
	for _ in $(seq 60); do
		[ $(($(pages_at "$1" "$2") - $3)) -lt 80 ] && [ $(($3 - $(pages_at "$1" "$2"))) -lt 80 ] && return
		sleep 1
	done
}
"$mpol" rebalance "$pid" --watch >"$XDG_STATE_HOME/watched" 2>&1 &
watcher=$!
sleep 3
"$mpol" weights set 0=1,1=1,2=2 >/dev/null
until_parts "$range" 2 8192
parts "$range" 250 250 500
"$mpol" set "$pid" interleave:0-1 >/dev/null
until_parts "$range" 2 0
parts "$range" 500 500 0
kill -TERM $watcher
status=0
wait $watcher || status=$?
is "$status" 0 "stopped, the watch ends well"

# ---- Weights of the process's own: its stripes are made exact, and the rest goes by the journal
"$mpol" set "$pid" weighted:0=1,2=3 >/dev/null
rebalance
is "$(jq -r .policy <<<"$json")" weighted:0=1,2=3 "the journal knows the weights"
parts "$range" 250 0 750
parts "$huge" 250 0 750
"$mpol" bind "$pid" "0x$range+64MiB" weighted:0=1,2=1 --move >/dev/null
parts "$range" 500 0 500
rebalance
is "$(jq .least_bytes <<<"$json")" 0 "what bind has moved is where its stripes are"
"$mpol" set "$pid" default >/dev/null
"$mpol" bind "$pid" "0x$range+64MiB,0x$huge+64MiB" default >/dev/null

# ---- The cpuset's word: pages come back when it is widened
mkdir -p /sys/fs/cgroup
mountpoint -q /sys/fs/cgroup || mount -t cgroup2 none /sys/fs/cgroup
echo +cpuset >/sys/fs/cgroup/cgroup.subtree_control
mkdir -p /sys/fs/cgroup/two
echo 0-1 >/sys/fs/cgroup/two/cpuset.mems
echo "$pid" >/sys/fs/cgroup/two/cgroup.procs
rebalance interleave:0-2
parts "$range" 500 500 0
like "$("$mpol" rebalance "$pid" weighted:2=1 2>&1)" 'cpuset allows none of its nodes' "a policy outside the cpuset is refused"
echo 0-2 >/sys/fs/cgroup/two/cpuset.mems
rebalance interleave:0-2
parts "$range" 333 333 333

# ---- A full node takes what it has room for, and the others share the rest
# Full, that is: CPUs keep few pages that were freed to themselves, and there is no cache to drop.
echo 100000 >/proc/sys/vm/percpu_pagelist_high_fraction
rebalance --drain 1
echo 3 >/proc/sys/vm/drop_caches
free_mib=$(awk '/MemFree/ { print int($4 / 1024) }' /sys/devices/system/node/node1/meminfo)
coproc HOG { exec "$mpol" run prefer:1 "$MPOL_BUILD/test/guest/target" 1; } 2>/dev/null
# shellcheck disable=SC2153
hog=$HOG_PID
read -r -t 60 _ <&"${HOG[0]}"
echo "grow 0 $((free_mib + 30))" >&"${HOG[1]}"
read -r -t 120 _ <&"${HOG[0]}"
rebalance interleave:0-2
within "$(pages_at "$range" 1)" 0 5000 "a full node is not filled"
within $(($(pages_at "$range" 0) - $(pages_at "$range" 2))) -100 100 "the others share"
kill "$hog"
wait "$hog" 2>/dev/null || true

kill "$pid"
finish
