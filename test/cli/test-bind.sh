#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpol bind on this machine: ranges by name and by address, a dry run, taking it
# back, and every bad input: one error, nothing changed.
mpol=$1
# shellcheck source=test/cli/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/expect.sh"

# own_policy NAME: of the mapping of that name.
own_policy() {
	"$mpol" show "$target" --vmas --json |
		jq -r --arg name "$1" '[.vmas[] | select(.name == $name)][0].policy'
}

start_target
memory=$("$mpol" topo --json | jq -r '[.nodes[] | select(.capacity_bytes > 0) | .id] | first')

expect 0 'would bind 1 range' "$mpol" bind "$target" heap "bind:$memory" --dry-run
expect 0 '[heap] had default' "$mpol" bind "$target" heap "bind:$memory" --dry-run
same "the heap after a dry run" default "$(own_policy '[heap]')"
expect 0 "1 of 1 range" "$mpol" bind "$target" heap "bind:$memory"
same "the heap" "bind:$memory" "$(own_policy '[heap]')"
same "the stack" default "$(own_policy '[stack]')"
expect 0 "[heap] had bind:$memory" "$mpol" bind "$target" heap,stack "interleave:$memory" --move
same "both" "interleave:$memory interleave:$memory" "$(own_policy '[heap]') $(own_policy '[stack]')"

# One page of the heap, by its address.
start=$("$mpol" show "$target" --vmas --json | jq -r '.vmas[] | select(.name == "[heap]") | .start')
expect 0 '1 of 1 range (4.00 KiB)' "$mpol" bind "$target" "$start+4KiB" "prefer:$memory"
same "ranges of the heap" "prefer:$memory interleave:$memory" "$("$mpol" show "$target" --vmas --json |
	jq -r '[.vmas[] | select(.name == "[heap]").policy] | join(" ")')"
same "what --json says" "$target $start interleave:$memory null 2" "$("$mpol" bind "$target" heap default --json |
	jq -r '[.pid, (.ranges[1] | "'"$start"'", .before, .error // "null"), .changed] | join(" ")')"
same "the heap" default "$(own_policy '[heap]')"

# Back, the newest first.
expect 0 "to prefer:$memory" "$mpol" undo "$target"
expect 0 "to interleave:$memory" "$mpol" undo "$target"
expect 0 "taken back" "$mpol" undo "$target"
same "the heap and the stack" "bind:$memory default" "$(own_policy '[heap]') $(own_policy '[stack]')"
expect 0 "1 range" "$mpol" undo "$target"
same "the heap" default "$(own_policy '[heap]')"

# Somebody else's policy is found.
expect 0 "1 of 1" "$mpol" bind "$target" stack "bind:$memory"
expect 0 "1 of 1" "$mpol" bind "$target" stack "prefer:$memory" --no-journal
expect 0 "set again: 1 range" "$mpol" reapply "$target"
same "the stack" "bind:$memory" "$(own_policy '[stack]')"

# All, but nothing of the kernel's or of mpol's own.
expect 0 "bound to interleave:$memory" "$mpol" bind "$target" all "interleave:$memory"
same "[vdso]" default "$(own_policy '[vdso]')"
same "names of mappings that 'all' left out" "" "$("$mpol" show "$target" --vmas --json | jq -r '
	[.vmas[] | select(.policy == "default" and (.name | startswith("[v") | not) and .name != "")] | map(.name) | join(" ")')"
expect 0 "sleep" "$mpol" bind "$target" 'file:sleep' default
expect 0 "bound to" "$mpol" bind "$target" 'file:libc*' default

# A shared mapping of a file is the page cache's; of memory, a private one, it is not.
if [ "$(stat -f -c %T "$PWD")" != tmpfs ] && [ -w "$PWD" ] && command -v python3 >/dev/null; then
	file=$(mktemp -p "$PWD" mapped.XXXXXX)
	truncate -s 8192 "$file"
	python3 -c '
import mmap, signal, sys
file = open(sys.argv[1], "r+b")
shared, private = mmap.mmap(file.fileno(), 4096), mmap.mmap(file.fileno(), 4096, flags=mmap.MAP_PRIVATE, offset=4096)
memory = mmap.mmap(-1, 4096)
open(sys.argv[2], "w").close()
signal.pause()' "$file" "$scratch/mapped" &
	mapper=$!
	children+=("$mapper")
	until [ -e "$scratch/mapped" ]; do sleep 0.01; done
	expect 0 "warning: $file is shared memory of a file" "$mpol" bind "$mapper" "file:$file" "bind:$memory"
	same "which of its mappings are the page cache's" "true false" \
		"$("$mpol" bind "$mapper" "file:$file" default --json 2>/dev/null | jq -r '[.ranges[].page_cache] | sort | reverse | join(" ")')"
	"$mpol" bind "$mapper" shm,heap "bind:$memory" 2>"$scratch/warned" >/dev/null
	same "warnings about memory" "" "$(<"$scratch/warned")"
	rm "$file"
fi

refused 1 'it has none of that name (ENOENT)' '--vmas lists' "$mpol" bind "$target" shm local
refused 1 'it has none of that name (ENOENT)' '--vmas lists' "$mpol" bind "$target" heap,file:nothing local
refused 1 'nothing is mapped at 0x10000' '--vmas lists' "$mpol" bind "$target" 0x10000-0x20000 local
refused 1 'no such process' '' "$mpol" bind 2147483647 heap local

usage() {
	refused 2 "$@"
}
usage 'takes processes, ranges and a policy' '--help' "$mpol" bind "$target" heap
usage 'neither addresses nor the name' 'a range is such as' "$mpol" bind "$target" heaps local
usage 'neither addresses nor the name' 'a range is such as' "$mpol" bind "$target" '' local
usage 'it ends before it begins' 'a range is such as' "$mpol" bind "$target" 0x2000-0x1000 local
usage 'at a page' 'a range is such as' "$mpol" bind "$target" 0x1000-0x1001 local
usage 'not a range of addresses' 'a range is such as' "$mpol" bind "$target" 0x1000-2000 local
usage 'not a range of addresses' 'a range is such as' "$mpol" bind "$target" 0x1000+2XiB local
usage 'without an end' 'a range is such as' "$mpol" bind "$target" 0x1000 local
usage 'no such mode' 'modes are default' "$mpol" bind "$target" heap bnd:0
usage 'node 1023 does not exist' 'nodes with memory' "$mpol" bind "$target" heap bind:1023
usage 'names no node to move' 'leave --move out' "$mpol" bind "$target" heap local --move
usage 'differs by cpuset' 'leave --move out' "$mpol" bind "$target" heap "bind:$memory+relative" --move
usage '--time: only with --driving' 'chooses ranges' "$mpol" bind "$target" heap "interleave:$memory" --time 1s
usage '--traffic: only with --driving' 'chooses ranges' "$mpol" bind "$target" heap "interleave:$memory" --traffic 1GB/s
usage 'for policies that interleave' 'weighted:auto' "$mpol" bind "$target" heap "bind:$memory" --driving
usage '0s: not a time to look' 'as in 10s' "$mpol" bind "$target" heap "interleave:$memory" --driving --time 0s
usage '2h: not a time to look' 'as in 10s' "$mpol" bind "$target" heap "interleave:$memory" --driving --time 2h
usage '--traffic fast: not a bandwidth' '200MB/s' "$mpol" bind "$target" heap "interleave:$memory" --driving --traffic fast
refused 1 'gauge: there is none of that name' 'one of ptescan' \
	"$mpol" bind "$target" heap "interleave:$memory" --driving --tracker gauge
usage 'not a process id' 'a number from 1' "$mpol" bind x heap local
finish
