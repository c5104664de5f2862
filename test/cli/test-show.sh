#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpol show on this machine: words and JSON agree with each other and with the
# kernel; bad input.  Odd processes are test-process.c's.
mpol=$1
# shellcheck source=test/cli/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/expect.sh"

start_target
expect 0 "process $target (sleep), 1 thread" "$mpol" show "$target"
expect 0 'policy  default' "$mpol" show "$target"
expect 0 '[vdso]' "$mpol" show "$target" --vmas
expect 0 "$target  sleep  S      default" "$mpol" show "$target" --threads

# The sum over nodes is what numa_maps counts, in pages of each range's size.
sum=$(awk '{ size = 0; n = 0
	for (i = 3; i <= NF; i++) {
		if ($i ~ /^N[0-9]+=/) { sub(/.*=/, "", $i); n += $i }
		else if ($i ~ /^kernelpagesize_kB=/) { sub(/.*=/, "", $i); size = $i }
	}
	total += n * size * 1024 } END { print total }' "/proc/$target/numa_maps")
"$mpol" show "$target" --json --threads --vmas >"$scratch/json"
same "the memory" "$sum" "$(jq .bytes "$scratch/json")"
same "the sum over nodes" "$sum" "$(jq '[.nodes[].bytes] | add' "$scratch/json")"
same "the sum over ranges" "$sum" "$(jq '[.vmas[].nodes[].bytes] | add' "$scratch/json")"
same "the thread" "$target default S" "$(jq -r '.threads[0] | "\(.tid) \(.policy) \(.state)"' "$scratch/json")"
same "ranges with a policy of their own" 0 "$(jq '[.vmas[] | select(.own_policy)] | length' "$scratch/json")"

# Page by page: the same sums, in runs that ascend.  numa_maps leaves out what the kernel reserved.
"$mpol" show "$target" --json --vmas --pages >"$scratch/json"
same "the sum over runs" "$sum" "$(jq '[.pages[].bytes] | add' "$scratch/json")"
same "the sum of sums" "$sum" "$(jq '[.page_sums[].bytes] | add' "$scratch/json")"
same "runs by node" "$(jq -Sc '[.nodes[] | select(.bytes > 0)]' "$scratch/json")" \
	"$(jq -Sc '[.pages | group_by(.node)[] | {node: .[0].node, bytes: (map(.bytes) | add)}]' "$scratch/json")"
same "overlapping runs" 0 "$(jq 'def hex: ltrimstr("0x") | explode | reduce .[] as $c (0; . * 16 + (if $c > 96 then $c - 87 else $c - 48 end));
	[.pages | . as $p | range(1; length) | select(($p[.].start | hex) < ($p[. - 1].end | hex))] | length' "$scratch/json")"
expect 0 'IN HUGE PAGES' "$mpol" show "$target" --pages
range=$(jq -r '[.vmas[] | select(.page_bytes > 0)][0] | "\(.start)-\(.end)"' "$scratch/json")
same "a range's pages" "$(jq '[.vmas[] | select(.page_bytes > 0)][0].nodes | map(.bytes) | add' "$scratch/json")" \
	"$("$mpol" show "$target" --pages --range "$range" --json | jq '[.pages[].bytes] | add')"
same "pages where nothing is" 0 "$("$mpol" show "$target" --pages --range 0-1000 --json | jq '.pages | length')"
for range in 1-0 1 1-2-3 '' -1 x-y 0-fffffffffffffffff; do
	refused 2 'not a range of addresses' 'START-END' "$mpol" show "$target" --pages --range "$range"
done
refused 2 '--range goes with --pages' '--help' "$mpol" show "$target" --range 0-1
refused 2 'needs the running process' 'leave out --root' "$mpol" show "$target" --pages --root /

# Drift: nothing where all is as it was set, else what is not, a thread or a range.
memory=$("$mpol" topo --json | jq -r '[.nodes[] | select(.capacity_bytes > 0) | .id] | first')
drift() {
	"$mpol" show "$target" --json "$@" | jq -r '[.drift[] | "\(.shown) \(.policy)"] | join(", ")'
}
expect 0 '1 of 1' "$mpol" set "$target" "prefer:$memory"
same "drift of what is as it was set" "" "$(drift)"
expect 0 '1 of 1' "$mpol" set "$target" local --no-journal
expect 0 "drift   not as it was set: mpol reapply $target would give 1 thread to prefer:$memory" "$mpol" show "$target"
same "drift of a thread" "local prefer:$memory" "$(drift)"
same "drift without the journal" "" "$(drift --no-journal)"
same "drift by an empty journal" "" "$(drift --journal "$scratch/none")"
expect 0 "process $target (sleep) is not as it was set: mpol reapply $target" "$mpol" show --tree "$target"
expect 0 'set again' "$mpol" reapply "$target"
expect 0 '1 of 1' "$mpol" bind "$target" stack "bind:$memory"
same "drift of what is as it was bound" "" "$(drift)"
expect 0 '1 of 1' "$mpol" bind "$target" stack default --no-journal
same "drift of a range" "default bind:$memory" "$(drift)"
refused 1 'journal' '' "$mpol" show "$target" --journal "$scratch"
mkdir -p "$scratch/broken/mpol/journal"
XDG_STATE_HOME=$scratch/broken expect 0 'policy ' "$mpol" show "$target"

refused 2 'not a process id' 'a number from 1' "$mpol" show self
refused 2 'takes processes' '--help' "$mpol" show
refused 2 'together with process ids' 'one of --cgroup' "$mpol" show 1 --tree 2
refused 1 'no such process' '' "$mpol" show 2147483647
! sees_kernel_threads || refused 1 'kernel thread' '' "$mpol" show 2
refused 1 'No such file or directory' '' "$mpol" show 1 --root /nowhere
expect 1 '"code": "ESRCH"' "$mpol" show 2147483647 --json

if [ "$(id -u)" = 0 ] && as_nobody "$mpol" --version >/dev/null 2>&1; then
	refused 1 'not allowed to look into it (EACCES)' 'as root' as_nobody "$mpol" show "$target"
fi
finish
