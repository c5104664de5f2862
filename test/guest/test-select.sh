#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Selectors on a machine with cgroups and three nodes: services that fork while
# they are changed, threaded cgroups, units of one name, other users' processes.
# shellcheck source=test/guest/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
mpol=$MPOL_BUILD/src/cli/mpol
[ "$(cat /sys/devices/system/node/has_memory)" = 0-2 ] || skip "needs nodes 0-2 with memory"
cgroups=/sys/fs/cgroup
mountpoint -q $cgroups || mount -t cgroup2 none $cgroups

service=$cgroups/test.slice/db.service
mkdir -p $service/workers
is "$("$mpol" set --unit db local 2>&1 >/dev/null | head -n 1)" \
	"mpol set: select processes: unit db: no process is in it, or below it (ESRCH)" "an empty unit means nobody"

# into CGROUP COMMAND...: the command, in the cgroup from its first instruction.
into() {
	local cgroup=$1
	shift
	bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$cgroup" "$@"
}

# policies CGROUP...: of all processes there, as the kernel shows them, each once.
policies() {
	cat "${@/%//cgroup.procs}" | while read -r pid; do
		sed -n 's/^[^ ]* \([^ ]*\) .*/\1/p; q' "/proc/$pid/numa_maps"
	done | sort -u | paste -sd' '
}

# ---- a service, its descendants, and nobody else
coproc DB { into $service "$MPOL_BUILD/test/guest/target" 2; }
read -r -t 60 _ <&"${DB[0]}"
into $service/workers sleep 1000 &
into $service/workers sleep 1000 &
sleep 1000 &
bystander=$!
until [ "$(wc -l <$service/workers/cgroup.procs)" = 2 ]; do sleep 0.1; done
until [ "$(cat /proc/"$(head -n 1 $service/workers/cgroup.procs)"/comm)" = sleep ]; do sleep 0.1; done
is "$("$mpol" set --cgroup /test.slice bind:2 | grep -c 'changed from default to bind:2')" 3 "three processes of the slice are changed"
is "$(policies $service $service/workers)" bind:2 "and all have the policy"
is "$("$mpol" show $bystander --json | jq -r '.policies[].policy')" default "a process outside does not"
is "$("$mpol" set --unit db --json prefer:0 | jq '[.processes[].changed] | add')" 4 "by unit: four threads of three processes"
is "$("$mpol" set --cgroup test.slice/db.service/workers local | wc -l)" 2 "the workers alone"
is "$(policies $service) $(policies $service/workers)" "prefer:0 local" "and the others stay"

# ---- show and move
"$mpol" set --unit db bind:2 >/dev/null
echo "grow 0 16" >&"${DB[1]}"
read -r -t 60 _ <&"${DB[0]}"
on_node_2() {
	"$mpol" show --unit db --json | jq '[.processes[].nodes[] | select(.node == 2) | .bytes] | add'
}
within "$(on_node_2)" $((16 << 20)) $((64 << 20)) "16 MiB of the service are on node 2"
like "$("$mpol" show --unit db | tail -n 1)" '^ *all +4 .*MiB' "show ends with the sum"
"$mpol" move --unit db --from 2 --to 0 >/dev/null || true
within "$(on_node_2)" 0 $((4 << 20)) "move takes them away"

# ---- a service that forks meanwhile: each child that is there at the end has the policy
# shellcheck disable=SC2016 # the inner shell expands it
into $service bash -c 'for i in $(seq 100); do sleep 1000 & done; wait' &
until [ "$(wc -l <$service/cgroup.procs)" -gt 20 ]; do sleep 0.05; done
status=0
"$mpol" set --cgroup test.slice interleave:0-1 >"$LAB_OUT/forks" 2>&1 || status=$?
is $status 0 "set on a service that forks"
until [ "$(wc -l <$service/cgroup.procs)" -ge 102 ]; do sleep 0.1; done
is "$(policies $service $service/workers)" interleave:0-1 "every child born meanwhile has the policy"

# ---- threaded cgroups
mkdir $cgroups/domain.slice $cgroups/domain.slice/threads
echo threaded >$cgroups/domain.slice/threads/cgroup.type
into $cgroups/domain.slice sleep 1000 &
until [ -n "$(cat $cgroups/domain.slice/cgroup.procs)" ]; do sleep 0.1; done
threaded=$(head -n 1 $cgroups/domain.slice/cgroup.procs)
echo "$threaded" >$cgroups/domain.slice/threads/cgroup.threads
like "$("$mpol" set --cgroup domain.slice local)" "^process $threaded .* 1 of 1" "threads below count as the domain's"
like "$("$mpol" set --cgroup domain.slice/threads local 2>&1)" 'has threads, not processes \(EOPNOTSUPP\)' "a threaded cgroup is refused"

# ---- units of one name
mkdir -p $cgroups/user.slice/app.slice/db.service
ambiguous=$("$mpol" set --unit db local 2>&1) && not_ok "an ambiguous unit is refused"
like "$ambiguous" '2 cgroups have that name \(ENOTUNIQ\)' "an ambiguous unit is refused"
like "$ambiguous" 'test.slice/db.service' "with one path"
like "$ambiguous" 'user.slice/app.slice/db.service' "and the other"
rmdir $cgroups/user.slice/app.slice/db.service

# ---- the whole machine: no kernel thread among them
"$mpol" show --tree 1 --json >"$LAB_OUT/all" 2>/dev/null || true
is "$(jq '[.processes[] | select(.error.code == "EOPNOTSUPP")] | length' "$LAB_OUT/all")" 0 "no kernel thread is selected"
within "$(jq '.processes | length' "$LAB_OUT/all")" 105 1000 "and everybody else is"

# ---- other users'
setpriv --reuid=65534 --regid=65534 --clear-groups sleep 1000 &
theirs=$!
until [ "$(cat /proc/$theirs/comm)" = sleep ]; do sleep 0.1; done
mkdir $cgroups/mixed.slice
echo $theirs >$cgroups/mixed.slice/cgroup.procs
echo $bystander >$cgroups/mixed.slice/cgroup.procs
status=0
mixed=$(setpriv --reuid=65534 --regid=65534 --clear-groups "$mpol" set --cgroup mixed.slice local --json --no-journal 2>/dev/null) || status=$?
is "$status $(jq -c '[.processes[] | .error.code] | sort' <<<"$mixed")" '3 [null,"EACCES"]' "another user's process is reported, one's own is changed"
is "$("$mpol" show $bystander --json | jq -r '.policies[].policy')" default "and the other user's stays as it was"

echo 1 >$cgroups/test.slice/cgroup.kill
kill $bystander $theirs "$threaded"
finish
