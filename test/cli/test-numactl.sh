#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# For the same options numactl(8) and mpol run give the same policy and the same
# CPUs, or both refuse.  Natively with mpol as $1, and on the lab's machines.
# shellcheck disable=SC2016 # the commands are for inner shells
mpol=${1:-$MPOL_BUILD/src/cli/mpol}
# shellcheck source=test/cli/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/expect.sh"

if ! command -v numactl >/dev/null; then
	echo "numactl is missing (package numactl)"
	[ "${MPOL_MUST_RUN:-}" != 1 ] || exit 1
	exit 77
fi

# What the kernel shows of a policy and CPUs; the address and the program do not matter.
look='sed -n "1s/^[^ ]* \(.*\) file=.*/\1/p" /proc/self/numa_maps; grep allowed_list /proc/self/status'

# agrees OPTION...: both programs end alike, and the kernel shows the same.
agreed=0
agrees() {
	local theirs ours their_status=0 our_status=0
	theirs=$(numactl "$@" sh -c "$look" 2>"$scratch/theirs") || their_status=$?
	ours=$("$mpol" run "$@" sh -c "$look" 2>"$scratch/ours") || our_status=$?
	if [ $((their_status != 0)) != $((our_status != 0)) ] || { [ $our_status = 0 ] && [ "$ours" != "$theirs" ]; }; then
		echo "FAILED: $*: mpol run ($our_status): ${ours//$'\n'/ }; numactl ($their_status): ${theirs//$'\n'/ }"
		sed 's/^/  mpol:    /' "$scratch/ours"
		sed -n 's/^/  numactl: /; 1,2p' "$scratch/theirs"
		failures=$((failures + 1))
	elif [ $our_status = 0 ]; then
		agreed=$((agreed + 1))
	fi
}

mapfile -t nodes < <("$mpol" topo --json | jq -r '.nodes[] | select(.capacity_bytes > 0) | .id')
first=${nodes[0]}
last=${nodes[-1]}
mapfile -t cpu_nodes < <("$mpol" topo --json | jq -r '.nodes[] | select(.cpus != "") | .id')
first_cpus=${cpu_nodes[0]}

lists=("$first" "$last" all "$first,$last" "$last,$first")
lists+=("+0" "+$((${#nodes[@]} - 1))" "+0-$((${#nodes[@]} - 1))" "+all")
lists+=(1023 "$first,1023" "+${#nodes[@]}" "," "$first," x '+' "$first-" "$first;$last")
[ $((last - first)) -ge ${#nodes[@]} ] || lists+=("$first-$last")
# numactl 2.0.16 inverts, and counts with --all, among the first numbers, as many as there
# are nodes, so that "!11" keeps node 11 where ids have gaps; and it leaves out CPUs of
# nodes without memory.  There mpol does what numactl(8) says.
dense=no
[ "$("$mpol" topo --json | jq '[.nodes[].id] == [range(.nodes | length)] and all(.nodes[]; .capacity_bytes > 0)')" != true ] ||
	dense=yes
# Lists that may name nothing: of an empty interleave numactl silently makes the default
# policy, and mpol refuses it.
inverse=("!$last" "!+0" "!$first,$last" '!all' '' '!')
if [ $dense = yes ]; then
	agrees -N all
else
	others=$(IFS=, && echo "${nodes[*]:0:${#nodes[@]}-1}")
	same "the policy of -m !$last" "$("$mpol" run "bind:$others" sh -c "$look")" "$("$mpol" run -m "!$last" sh -c "$look")"
	same "the policy of -i !+0,$((${#nodes[@]} - 1))" "$("$mpol" run "interleave:${others#*,}" sh -c "$look")" \
		"$("$mpol" run -i "!+0,$((${#nodes[@]} - 1))" sh -c "$look")"
	expect 0 "Cpus_allowed_list:	$(</sys/devices/system/cpu/online)" "$mpol" run -N all grep Cpus_allowed_list /proc/self/status
	inverse=()
fi
for list in "${lists[@]}" "${inverse[@]}"; do
	for option in -m -P -p; do
		agrees "$option" "$list"
	done
done
[ $dense = no ] || [ ${#nodes[@]} -lt 3 ] || lists+=("${inverse[@]:0:3}")
for list in "${lists[@]}"; do
	agrees -i "$list"
done
refused 125 'it names nothing' 'a list is such as' "$mpol" run -i '!all' true
for list in "$last" all 1023; do
	for option in --membind --preferred-many --preferred --interleave; do
		agrees "$option=$list"
	done
	agrees -b -m "$list"
	agrees -a -m "$list"
done
agrees -l
agrees --localalloc
agrees --
agrees -N "$first_cpus"
agrees --cpunodebind="$first_cpus" --membind="$last"
agrees -N +0
agrees -c "$first_cpus"
agrees -N "$first_cpus" -m same
agrees -m "$first" -N same
agrees -m same
for list in 0 all +0 '!0' '!+0' 0,0 1023 '' x 0- +8191; do
	agrees -C "$list"
done
agrees -a -C all
agrees --physcpubind=+0 --localalloc
# Starting from fewer CPUs, which "+" counts in.
last_cpu=$(($(getconf _NPROCESSORS_ONLN) - 1))
expect 0 "Cpus_allowed_list:	$last_cpu" taskset -c "$last_cpu" "$mpol" run -C +0 grep Cpus_allowed_list /proc/self/status
same "relative to one CPU" "$(taskset -c "$last_cpu" numactl -C +0 sh -c "$look")" \
	"$(taskset -c "$last_cpu" "$mpol" run -C +0 sh -c "$look")"
agrees -C 0 -N "$first_cpus"
agrees -N "$first_cpus" -C 0
agrees -m "$first" -i "$first"
agrees -l -l
agrees -b -i "$first"
agrees -a -b -N "$first_cpus" -m all
# A test that compares refusals only would pass without any option working.
[ "$agreed" -ge 40 ] || same "options on which they agreed to run" "40 or more" "$agreed"

# What numactl does besides is refused with the way to have it.
refused 125 '--show: not about running a command' 'mpol show PID' "$mpol" run --show
refused 125 '--hardware: not about running a command' 'mpol topo' "$mpol" run -H
refused 125 'not about running a command' 'shared memory' "$mpol" run --shm /tmp/x -m "$first"
# Each error names its option and what would be right.
refused 125 "--membind 1023: node 1023 is not to be had (ENODEV)" 'the cpuset allows:' "$mpol" run -m 1023 touch "$scratch/started"
refused 125 '--interleave +1000: there is no node at position 1000' 'the cpuset allows:' "$mpol" run -i +1000 true
refused 125 '--interleave netdev:lo: names of devices' 'only numbers' "$mpol" run -i netdev:lo true
refused 125 '--physcpubind 8191: CPU 8191 is not to be had' 'CPUs that it may use now: 0' "$mpol" run -C 8191 true
refused 125 'runs backwards' 'a list is such as' "$mpol" run -C 1-0 true
refused 125 '--localalloc: a policy was given before' 'give one of' "$mpol" run -m "$first" -l true
refused 125 '--membind same: no list of nodes stands before it' '"same" stands for' "$mpol" run -m same true
refused 125 'it names nothing' 'a list is such as' "$mpol" run -m '!all' true
refused 125 "unrecognized option '--fast'" '--help' "$mpol" run --fast true
refused 125 "option requires an argument -- 'm'" '--help' "$mpol" run -m
refused 125 'takes a policy and a command' '--help' "$mpol" run -m "$first"
[ ! -e "$scratch/started" ] || same "whether the command was started" no yes
refused 127 "bind:$first: No such file" "--policy bind:$first" "$mpol" run -C 0 "bind:$first" true
# mpol's policies go together with numactl's CPUs.
expect 0 "bind=static:$first" "$mpol" run -C 0 --policy "bind:$first+static" -- sed -n 1p /proc/self/numa_maps
expect 0 "Cpus_allowed_list:	0" "$mpol" run -C 0 --policy "bind:$first+static" -- grep Cpus_allowed_list /proc/self/status
same "the command's own options" "-m --" "$("$mpol" run -l printf '%s %s' -m --)"
finish
