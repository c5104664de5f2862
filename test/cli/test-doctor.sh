#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpol doctor on a recorded machine with two tiers: each check is silent, then
# made to speak by one file; and on processes of this machine.
mpol=$1
# shellcheck source=test/cli/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/expect.sh"
here=$(dirname "${BASH_SOURCE[0]}")

tree=$scratch/tree
mkdir "$tree"
"$here/../fixture/unpack.sh" "$tree" <"$here/../fixture/recorded/two-dram-cxl.tree"

# put FILE TEXT: in the tree.
put() {
	mkdir -p "$tree/$(dirname "$1")"
	printf '%s\n' "$2" >"$tree/$1"
}

symptoms() {
	"$mpol" doctor --root "$tree" --json | jq -r '[.symptoms[] | .severity + ":" + .check] | unique | join(" ")'
}

# speaks SEVERITY:CHECK FILE SICK WELL: the file's text makes the check speak, and another be silent.
speaks() {
	put "$2" "$3"
	same "symptoms with $3 in $2" "$1" "$(symptoms)"
	put "$2" "$4"
	same "symptoms with $4 in $2" "" "$(symptoms)"
}

# A machine in good health.
put proc/sys/kernel/osrelease 6.12.117
put sys/kernel/mm/numa/demotion_enabled true
put proc/self/status "Name:	mpol
CapEff:	000001ffffffffff"
put sys/kernel/mm/mempolicy/weighted_interleave/node0 5
put sys/kernel/mm/mempolicy/weighted_interleave/node1 6
put sys/kernel/mm/mempolicy/weighted_interleave/node2 1
same "symptoms of a machine in good health" "" "$(symptoms)"
expect 0 'nothing is in the way' "$mpol" doctor --root "$tree"

speaks error:kernel proc/sys/kernel/osrelease 5.10.0-33-amd64 6.12.117
speaks note:kernel proc/sys/kernel/osrelease 6.1.0-56-amd64 6.9.0
speaks warning:numa_balancing proc/sys/kernel/numa_balancing 1 0
speaks warning:numa_balancing proc/sys/kernel/numa_balancing 2 0
speaks warning:demotion sys/kernel/mm/numa/demotion_enabled false true
speaks warning:zone_reclaim_mode proc/sys/vm/zone_reclaim_mode 1 0
speaks note:yama proc/sys/kernel/yama/ptrace_scope 1 0
speaks error:yama proc/sys/kernel/yama/ptrace_scope 3 0
speaks note:transparent_hugepage sys/kernel/mm/transparent_hugepage/enabled 'always madvise [never]' 'always [madvise] never'
speaks warning:lockdown sys/kernel/security/lockdown 'none integrity [confidentiality]' '[none] integrity confidentiality'
speaks note:swap proc/swaps $'Filename Type Size\n/dev/sda2 partition 1024' 'Filename Type Size'
speaks warning:damon sys/module/damon_reclaim/parameters/enabled Y N
put sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds 1
speaks warning:damon sys/kernel/mm/damon/admin/kdamonds/0/state on off
speaks note:capabilities proc/self/status $'Name:	mpol\nCapEff:	0000000000000000' $'Name:	mpol\nCapEff:	000001ffffffffff'
put sys/kernel/mm/mempolicy/weighted_interleave/node0 1
put sys/kernel/mm/mempolicy/weighted_interleave/node1 1
same "symptoms of equal weights" warning:weights "$(symptoms)"
expect 1 'weighted interleave gives every node the same share' "$mpol" doctor --root "$tree"
put sys/kernel/mm/mempolicy/weighted_interleave/node0 7

# Processes of this machine.
checks() {
	"$mpol" doctor "$1" --json | jq -r '[.symptoms[] | select(.check as $c | $ARGS.positional | index($c)) | .check] | unique | join(" ")' \
		--args -- state tracer seccomp namespace mlock "kernel thread" 32-bit freezer worker
}
start_target
same "what is wrong with a sleeping process" "" "$(checks "$target")"
kill -STOP "$target"
until grep -q '^State:.T' "/proc/$target/status"; do sleep 0.01; done
same "what is wrong with a stopped one" state "$(checks "$target")"
kill -CONT "$target"
! sees_kernel_threads || same "what is wrong with a kernel thread" "kernel thread" "$(checks 2)"

refused 1 'no such process' '' "$mpol" doctor 2147483647
refused 1 'open root' '' "$mpol" doctor --root "$scratch/none"
refused 2 'not a process id' 'a number from 1' "$mpol" doctor x
refused 2 'at most one process id' '--help' "$mpol" doctor 1 2
finish
