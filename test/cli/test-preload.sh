#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpol run --preload on this machine: the environment that the command gets, memory that has the
# stripes' policies, and programs that go on unharmed.  How memory is split, the guests' test says.
mpol=$1 library=$(realpath "$2") allocate=$3
# shellcheck source=test/cli/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/expect.sh"
unset LD_PRELOAD MPOL_PRELOAD

node=$("$mpol" topo --json | jq -r '[.nodes[] | select(.capacity_bytes > 0) | .id] | first')
global=$(cat "/sys/kernel/mm/mempolicy/weighted_interleave/node$node" 2>/dev/null || echo none)
wish=weighted:$node=7
[ "$global" != 7 ] || wish=weighted:$node=8

# What the command gets: the policy that stands in, the library, the wish; what was there is kept.
# shellcheck disable=SC2016 # the command's own shell
words='echo "$LD_PRELOAD|$MPOL_PRELOAD"'
expect 0 "$library|$wish" "$mpol" run --preload "$wish" -- sh -c "$words"
expect 0 "$library|$wish" "$mpol" run --preload "$wish" sh -c "$words"
expect 0 "$library|$wish" "$mpol" run --preload --policy "$wish" -N "$node" -- sh -c "$words"
expect 0 "libc.so.6:$library|$wish" env LD_PRELOAD=libc.so.6 "$mpol" run --preload "$wish" sh -c "$words"
expect 0 "interleave:$node" "$mpol" run --preload "$wish" sed -n '/\[vdso\]/q; p' /proc/self/numa_maps
# Inside of another: once, and by the newer wish; a policy without the library ends it.
inner=$("$mpol" run --preload "weighted:$node=9" "$mpol" run --preload "$wish" sh -c "$words")
same "the environment of one inside of another" "$library|$wish" "$inner"
same "that of a policy inside" "$library|" "$("$mpol" run --preload "$wish" "$mpol" run "interleave:$node" sh -c "$words")"
# The kernel's own weights need no library.
if [ "$global" != none ]; then
	same "the environment with the kernel's weights" "|" \
		"$("$mpol" run --preload "weighted:$node=$global" sh -c "$words")"
fi

# Without --preload: the ways out.
for way in --preload "mpol set PID $wish" "mpol weights set ${wish#*:}"; do
	refused 125 "$wish: they are not the kernel's" "$way" "$mpol" run "$wish" touch "$scratch/started"
done
refused 125 'the policy has no weights' 'weighted:NODE=WEIGHT' "$mpol" run --preload "bind:$node" touch "$scratch/started"
refused 125 'no weights of its own' 'weighted:NODE=WEIGHT' "$mpol" run --preload "weighted:$node" touch "$scratch/started"
refused 125 'do not follow the cpuset' 'without flags' "$mpol" run --preload "$wish+static" touch "$scratch/started"
refused 125 'takes a policy and a command' '--help' "$mpol" run --preload "$wish"
refused 125 'takes a policy and a command' '--help' "$mpol" run --preload
refused 125 'no such mode' 'modes are' "$mpol" run --preload -- true false
refused 125 'weight 0' '1 to 255' "$mpol" run --preload "weighted:$node=0" true
refused 125 'over 255' '1 to 255' "$mpol" run --preload "weighted:$node=256" true
refused 125 'does not exist' 'nodes with memory' "$mpol" run --preload weighted:1023=1 true
# An mpol whose library is not there.
mkdir -p "$scratch/bin"
cp "$mpol" "$scratch/bin/mpol"
library_path=$(dirname "$library")/../lib
refused 125 'the library is not there' 'install' env LD_LIBRARY_PATH="$library_path" "$scratch/bin/mpol" run --preload "$wish" touch "$scratch/started"
[ ! -e "$scratch/started" ] || same "whether a command was started" no yes

# A wish that cannot be read: one line, and the program runs as ever; none: nothing is said.
for bad in nonsense "weighted:$node" "weighted:$node=300" "bind:$node" "$wish+static" '' "weighted:$(seq -s, 0 3000)"; do
	expect 0 'memory is not striped' env LD_PRELOAD="$library" MPOL_PRELOAD="$bad" "$mpol" run "interleave:$node" -- "$allocate" map 8
	same "the number of lines on stderr with '${bad:0:20}'" 1 "$(wc -l <"$scratch/stderr")"
	! grep -q 'memory is' "$scratch/stdout" || same "where that is said" stderr stdout
done
expect 0 "node$node" env LD_PRELOAD="$library" "$mpol" run "interleave:$node" -- "$allocate" map 8
same "what is said without a wish" '' "$(cat "$scratch/stderr")"

# Says whether memory that it maps prefers a node.
maps() {
	/usr/bin/env python3 -c '
import mmap, re
memory = mmap.mmap(-1, 8 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for page in range(0, 8 << 20, 4096):
    memory[page] = 1
print(sum(int(n) for line in open("/proc/self/numa_maps") if " prefer" in line or "prefer:" in line
          for n in re.findall(r" anon=(\d+)", line)) >= 2048)'
}
export -f maps
if command -v python3 >/dev/null; then
	expect 0 True "$mpol" run --preload "$wish" bash -c maps
	# A policy of the program's own is respected: the library stays out of its way.
	expect 0 False "$mpol" run --preload "$wish" "$mpol" run "bind:$node" -- bash -c maps
	expect 0 False env LD_PRELOAD="$library" MPOL_PRELOAD="$wish" "$mpol" run local -- bash -c maps
fi

# Each way to take memory, checked by the program itself; threads and forks, too.
for kind in map populated chunks small threads realloc mremap churn forks sandbox-prctl sandbox-seccomp; do
	expect 0 "node$node " "$mpol" run --preload "$wish" -- timeout 100 "$allocate" "$kind" 48
	same "what $kind says on stderr" '' "$(cat "$scratch/stderr")"
done

# What cannot be preloaded runs without: a static program, one of another user's rights.
if command -v busybox >/dev/null && ! ldd "$(command -v busybox)" >/dev/null 2>&1; then
	expect 0 unharmed "$mpol" run --preload "$wish" busybox echo unharmed
fi
# Programs that do much: a compiler's worth of processes, an interpreter.
expect 0 999 "$mpol" run --preload "$wish" bash -c 'seq 0 999 | sort -n | tail -n 1'
finish
