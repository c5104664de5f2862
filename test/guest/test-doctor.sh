#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpol doctor on a stock kernel with three nodes in two tiers: what Debian's
# defaults put in the way is found, and found no more where its advice was taken;
# a narrow cpuset of a process too.
# shellcheck source=test/guest/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
mpol=$MPOL_BUILD/src/cli/mpol
[ "$(cat /sys/devices/system/node/has_memory)" = 0-2 ] || skip "needs nodes 0-2 with memory"

# found CHECK [PID]: how severe it is, "" where it is not found.
found() {
	"$mpol" doctor ${2+"$2"} --json | jq -r --arg check "$1" '[.symptoms[] | select(.check == $check).severity] | unique | join(" ")'
}

# cured CHECK FILE SICK WELL: a setting makes the check speak, and another be silent.
cured() {
	echo "$3" >"$2"
	is "$(found "$1")" warning "$1 with $3"
	echo "$4" >"$2"
	is "$(found "$1")" "" "$1 with $4"
}

is "$(cat /proc/sys/kernel/numa_balancing)" 1 "NUMA balancing is on by default"
is "$(found numa_balancing)" warning "and found"
cured numa_balancing /proc/sys/kernel/numa_balancing 2 0
is "$(cat /sys/kernel/mm/numa/demotion_enabled)" false "demotion is off by default"
is "$(found demotion)" warning "and found"
cured demotion /sys/kernel/mm/numa/demotion_enabled false true
cured zone_reclaim_mode /proc/sys/vm/zone_reclaim_mode 1 0
pool=/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages
echo 1 >$pool
is "$(found hugetlb)" note "huge pages on node 1 alone"
echo 0 >$pool
is "$(found hugetlb)" "" "no huge pages"

is "$(found mglru)" note "which way pages are aged"
like "$("$mpol" doctor)" 'mpold can split huge pages' "huge pages can be split"
like "$(setpriv --bounding-set=-sys_nice --inh-caps=-all "$mpol" doctor)" 'mpold cannot split huge pages: CAP_SYS_NICE is missing' "but not by whom it is not allowed"

# trackers CONDITION: the names of those that fulfil it.
trackers() {
	"$mpol" doctor --json | jq -r "[.trackers[] | select($1).name] | join(\" \")"
}
is "$(trackers .chosen)" ptescan "the tracker that is chosen"
is "$(trackers .works)" "ptescan mglru damon soft-dirty hintfault" "trackers that work"
like "$("$mpol" doctor)" "idlepage  *cannot: .*CONFIG_IDLE_PAGE_TRACKING" "why one does not"
echo n >/sys/kernel/mm/lru_gen/enabled
like "$("$mpol" doctor)" "mglru  *cannot: .*is off; echo y" "what is missing where generations are off"
echo y >/sys/kernel/mm/lru_gen/enabled
is "$(cat /sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds)" 0 "trying them has started no kdamond"
is "$(cat /proc/sys/kernel/numa_balancing)" 0 "nor NUMA balancing"

sleep 1000 &
target=$!
is "$(found cpuset "$target")" "" "a process that may use every node"
[ -e /sys/fs/cgroup/cgroup.controllers ] || mount -t cgroup2 none /sys/fs/cgroup
echo +cpuset >/sys/fs/cgroup/cgroup.subtree_control
mkdir -p /sys/fs/cgroup/ward
echo 0-1 >/sys/fs/cgroup/ward/cpuset.mems
echo $target >/sys/fs/cgroup/ward/cgroup.procs
is "$(found cpuset "$target")" warning "one that may not"
said=$("$mpol" doctor "$target") || true
like "$said" "allows nodes 0-1, not 2" "which nodes it lacks"
like "$said" "cgroup /ward " "which cgroup it is"
echo 1 >/sys/fs/cgroup/ward/cgroup.freeze
until grep -q 'frozen 1' /sys/fs/cgroup/ward/cgroup.events; do sleep 0.1; done
is "$(found freezer "$target")" error "a frozen one"
like "$("$mpol" doctor "$target")" "cgroup /ward is frozen:" "which cgroup is"
echo 0 >/sys/fs/cgroup/ward/cgroup.freeze
is "$(found freezer "$target")" "" "one that is not frozen any more"
kill $target
finish
