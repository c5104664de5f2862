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
pool=hugepages/hugepages-2048kB/nr_hugepages
put sys/devices/system/node/node0/$pool 0
put sys/devices/system/node/node2/$pool 0
speaks note:hugetlb sys/devices/system/node/node1/$pool 8 0
put sys/devices/system/node/node1/$pool 8
expect 0 'of 2048 KiB are reserved on nodes 0,2' "$mpol" doctor --root "$tree"
put sys/devices/system/node/node1/$pool 0
speaks warning:lockdown sys/kernel/security/lockdown 'none integrity [confidentiality]' '[none] integrity confidentiality'
speaks note:swap proc/swaps $'Filename Type Size\n/dev/sda2 partition 1024' 'Filename Type Size'
speaks note:overcommit proc/sys/vm/overcommit_memory 2 0
speaks warning:damon sys/module/damon_reclaim/parameters/enabled Y N
put sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds 1
speaks warning:damon sys/kernel/mm/damon/admin/kdamonds/0/state on off
put sys/kernel/mm/damon/admin/kdamonds/0/state on
speaks warning:damon sys/kernel/mm/damon/admin/kdamonds/0/contexts/0/monitoring_attrs/intervals/update_us 60000000 1000000004240
put sys/kernel/mm/damon/admin/kdamonds/0/state off
speaks note:capabilities proc/self/status $'Name:	mpol\nCapEff:	0000000000000000' $'Name:	mpol\nCapEff:	000001ffffffffff'
for way in 'on (0x0007)' 'off (0x0000)'; do
	put sys/kernel/mm/lru_gen/enabled "${way//[^0-9x]/}"
	same "symptoms with MGLRU $way" note:mglru "$(symptoms)"
	expect 0 "multi-generational LRU is $way" "$mpol" doctor --root "$tree"
done
rm "$tree/sys/kernel/mm/lru_gen/enabled"
put sys/kernel/mm/mempolicy/weighted_interleave/node0 1
put sys/kernel/mm/mempolicy/weighted_interleave/node1 1
same "symptoms of equal weights" warning:weights "$(symptoms)"
expect 1 'weighted interleave gives every node the same share' "$mpol" doctor --root "$tree"
put sys/kernel/mm/mempolicy/weighted_interleave/node0 7

# A process of that machine: each check is silent, then made to speak.
# thread [STATE [TRACER [SECCOMP [FLAGS [MEMS]]]]]: its only thread.
thread() {
	put proc/4240/task/4240/stat "4240 (server) ${1-S} 1 4240 4240 0 -1 ${4-0} 1 0 0 0 0 0 0 0 20 0 1 0 777 0 0"
	put proc/4240/task/4240/status "Name:	server
State:	${1-S} (state)
Tgid:	4240
TracerPid:	${2-0}
Seccomp:	${3-0}
Mems_allowed:	00000007
Mems_allowed_list:	${5-0-2}"
}

symptoms_of_process() {
	"$mpol" doctor 4240 --root "$tree" --json | jq -r '[.symptoms[] | .severity + ":" + .check] | unique | join(" ")'
}

# ails SEVERITY:CHECK THREAD...: a thread that is so makes the check speak.
ails() {
	local wanted=$1
	shift
	thread "$@"
	same "symptoms of a thread with $*" "$wanted" "$(symptoms_of_process)"
	thread
	same "symptoms of a thread after $*" "" "$(symptoms_of_process)"
}

# harms SEVERITY:CHECK FILE SICK WELL: as speaks, with the process looked at.
harms() {
	put "$2" "$3"
	same "symptoms of a process with $3 in $2" "$1" "$(symptoms_of_process)"
	put "$2" "$4"
	same "symptoms of a process with $4 in $2" "" "$(symptoms_of_process)"
}

link() {
	mkdir -p "$tree/$(dirname "$1")"
	ln -sfn "$2" "$tree/$1"
}

thread
put proc/4240/cgroup 0::/system.slice/server.service
same "symptoms of a process in good health" "" "$(symptoms_of_process)"
ails error:tracer t 17
ails warning:state D
ails note:state T
ails error:seccomp S 0 1
ails note:seccomp S 0 2
ails 'error:kernel thread' S 0 0 2097152
ails warning:worker S 0 0 16
ails warning:cpuset S 0 0 0 0-1
thread S 0 0 0 0-1
expect 1 'allows nodes 0-1, not 2' "$mpol" doctor 4240 --root "$tree"
expect 1 'of cgroup /system.slice/server.service' "$mpol" doctor 4240 --root "$tree"
thread
harms error:freezer sys/fs/cgroup/system.slice/server.service/cgroup.events $'populated 1\nfrozen 1' $'populated 1\nfrozen 0'
# Frozen from above: each cgroup that is to be thawed is named.
put sys/fs/cgroup/system.slice/server.service/cgroup.events $'populated 1\nfrozen 1'
put sys/fs/cgroup/system.slice/server.service/cgroup.freeze 0
put sys/fs/cgroup/system.slice/cgroup.freeze 1
expect 1 'server.service is frozen by /system.slice:' "$mpol" doctor 4240 --root "$tree"
expect 1 'echo 0 >/sys/fs/cgroup/system.slice/cgroup.freeze' "$mpol" doctor 4240 --root "$tree"
put sys/fs/cgroup/system.slice/server.service/cgroup.freeze 1
same "frozen cgroups" 2 "$("$mpol" doctor 4240 --root "$tree" | grep -c '^error: freezer')"
put sys/fs/cgroup/system.slice/server.service/cgroup.events $'populated 1\nfrozen 0'
harms note:mlock proc/4240/status $'Name:	server\nVmLck:	    64 kB' $'Name:	server\nVmLck:	     0 kB'
link proc/self/ns/user 'user:[4026531837]'
for inode in 4026532000 4026531837; do
	link proc/4240/ns/user "user:[$inode]"
	[ "$inode" = 4026531837 ] && wanted='' || wanted=note:namespace
	same "symptoms in user namespace $inode" "$wanted" "$(symptoms_of_process)"
done
for target in /dev/kvm anon_inode:kvm-vm "socket:[4240]"; do
	link proc/4240/fd/9 "$target"
	[ "$target" = anon_inode:kvm-vm ] && wanted=note:guests || wanted=''
	same "symptoms with $target open" "$wanted" "$(symptoms_of_process)"
done
link proc/4240/fd/9 anon_inode:kvm-vm
expect 0 'runs KVM guests, whose accesses page tables do not show' "$mpol" doctor 4240 --root "$tree"
rm "$tree/proc/4240/fd/9"
# Another user's, to a caller without CAP_SYS_PTRACE and to one with it.
put etc/passwd $'root:x:0:0::/root:/bin/sh\nkeeper:x:1001:1001::/:/bin/sh'
put proc/self/status $'Name:	mpol\nUid:	1000	1000	1000	1000\nCapEff:	0000000000000000'
for uids in '1001	1001	1001	1001' '1000	1000	1001	1000' '1000	1000	1000	1000'; do
	put proc/4240/status $'Name:	server\nUid:\t'"$uids"
	[[ $uids == *1001* ]] && wanted=error:owner || wanted=
	same "symptoms with user ids $uids" "$wanted" "$(symptoms_of_process | tr ' ' '\n' | grep owner)"
done
put proc/4240/status $'Name:	server\nUid:	1001	1001	1001	1001'
expect 1 'belongs to user 1001 (keeper), and mpol runs as user 1000' "$mpol" doctor 4240 --root "$tree"
put proc/self/status $'Name:	mpol\nUid:	1000	1000	1000	1000\nCapEff:	000001ffffffffff'
same "symptoms of another user's process" "" "$(symptoms_of_process)"
# AT_SYSINFO (32) and AT_SYSINFO_EHDR (33), of a 32-bit program and of a 64-bit one.
printf '\x20\0\0\0\x50\x05\xf0\xf7\x21\0\0\0\0\0\xf0\xf7' >"$tree/proc/4240/auxv"
same "symptoms of a 32-bit program" error:32-bit "$(symptoms_of_process)"
printf '\x21\0\0\0\0\0\0\0\0\x50\xf0\xf7\xff\x7f\0\0' >"$tree/proc/4240/auxv"
same "symptoms of a 64-bit program" "" "$(symptoms_of_process)"
printf '\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' >"$tree/proc/4240/auxv"
same "symptoms of a program without a vdso" note:vdso "$(symptoms_of_process)"

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
bash -c 'exec 3< <(exec true); sleep 0.2; echo $!; exec sleep 1000' >"$scratch/zombie" &
children+=($!)
until [ -s "$scratch/zombie" ]; do sleep 0.01; done
zombie=$(cat "$scratch/zombie")
! grep -q '^State:.Z' "/proc/$zombie/status" 2>/dev/null || same "what is wrong with a zombie" state "$(checks "$zombie")"
! sees_kernel_threads || same "what is wrong with a kernel thread" "kernel thread" "$(checks 2)"

# The trackers of this machine: all that mpold takes, one of them chosen if any works, each of the
# others working or with what it lacks; none of a recorded tree.
"$mpol" doctor --json >"$scratch/trackers" || true
trackers() {
	jq -r "[.trackers[] | select($1)] | $2" "$scratch/trackers"
}
same "trackers" "ptescan, mglru, idlepage, damon, soft-dirty, hintfault" "$(trackers true 'map(.name) | join(", ")')"
[ "$(trackers '.works and .automatic' length)" = 0 ] || same "how many are chosen" 1 "$(trackers .chosen length)"
same "trackers that neither work nor lack anything" 0 "$(trackers '(.works | not) and .missing.cause == ""' length)"
same "trackers that mpold does not take unasked" hintfault "$(trackers '.automatic | not' '.[].name')"
same "trackers of a recorded machine" null "$("$mpol" doctor --root "$tree" --json | jq '.trackers')"
said=$("$mpol" doctor) || true
same "lines of trackers" 6 "$(sed -n '/^trackers of mpold/,$p' <<<"$said" | grep -c '^    [a-z]')"
[ -e /sys/kernel/mm/page_idle/bitmap ] ||
	same "why not idlepage" 1 "$(grep -c 'idlepage .*page_idle/bitmap.*CONFIG_IDLE_PAGE_TRACKING' <<<"$said")"

refused 1 'no such process' '' "$mpol" doctor 2147483647
refused 1 'open root' '' "$mpol" doctor --root "$scratch/none"
refused 2 'not a process id' 'a number from 1' "$mpol" doctor x
refused 2 'at most one process id' '--help' "$mpol" doctor 1 2
finish
