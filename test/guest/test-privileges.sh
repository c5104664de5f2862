#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Which capabilities mpold keeps: started as nobody with those of ptescan in its ambient set it manages another
# user's process; without any one of them, and with hintfault without CAP_SYS_ADMIN, it says which is missing, and
# what that means shows.  Of idlepage, which Debian's kernels lack, nothing is shown.
# shellcheck source=test/guest/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[ "$(cat /sys/devices/system/node/has_memory)" = 0-2 ] || skip "needs nodes 0-2 with memory"
mpold=$MPOL_BUILD/src/daemon/mpold
log=$(mktemp)

# await_managed PID: until that mpold manages $target, or ends; then it is ended.
await_managed() {
	local i
	for ((i = 0; i < 600; i++)); do
		if grep -q ': managed' "$log" || ! kill -0 "$1" 2>/dev/null; then break; fi
		sleep 0.1
	done
	sleep 2 # for what the first look finds
	kill "$1" 2>/dev/null || true
	wait "$1" || true
}

# with CAPABILITY...: what mpold says until it manages $target, or ends, as nobody with these.
with() {
	local set=-all capability
	for capability in "$@"; do set+=,+$capability; done
	setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set "$set" --inh-caps "$set" --ambient-caps "$set" \
		"$mpold" --config /dev/null --pid "$target" --budget 50% >"$log" 2>&1 &
	await_managed $!
	cat "$log"
}

setpriv --reuid=1000 --regid=1000 --clear-groups sleep 1000 &
target=$!
until [ "$(cat "/proc/$target/comm")" = sleep ]; do sleep 0.1; done

said=$(with sys_ptrace dac_override sys_nice bpf perfmon syslog)
like "$said" "process $target: managed" "nobody with these capabilities manages another user's process"
like "$said" "tracker ptescan" "by the best tracker"
like "$said missing:$(grep -c 'missing cap' "$log")" "missing:0" "nothing is missing"

said=$(with sys_ptrace dac_override bpf perfmon syslog)
like "$said" "missing capabilities: CAP_SYS_NICE: pages that several processes share.*AmbientCapabilities" "CAP_SYS_NICE is missed, with the way out"
like "$said" "process $target: managed" "but not needed for more"

said=$(with sys_ptrace dac_override sys_nice perfmon syslog)
like "$said" "needs CAP_BPF" "without CAP_BPF the log says why there is no ptescan"

for capability in perfmon syslog; do
	# Newer kernels ask for CAP_PERFMON; without CAP_SYSLOG, where the kernel maps memory is searched for.
	mapfile -t others < <(printf '%s\n' bpf perfmon syslog | grep -vx $capability)
	said=$(with sys_ptrace dac_override sys_nice "${others[@]}")
	like "$said" "missing capabilities: CAP_${capability^^}: the tracker may fail" "CAP_${capability^^} is missed"
	like "$said" "tracker ptescan: it is the best, and works here" "but Linux 6.12 has ptescan without it"
	like "$said" "process $target: managed" "and it manages"
done

# As root, whose setting it is.
setpriv --bounding-set -sys_admin --inh-caps=-all "$mpold" --config /dev/null --pid "$target" --tracker hintfault >"$log" 2>&1 &
await_managed $!
like "$(cat "$log")" "missing capabilities: CAP_SYS_ADMIN: the tracker may fail" "hintfault misses CAP_SYS_ADMIN"
like "$(cat "$log")" "process $target: kernel.numa_balancing cannot be set" "and needs it"

said=$(with dac_override sys_nice bpf perfmon syslog)
like "$said" "missing capabilities: CAP_SYS_PTRACE: other users' processes" "CAP_SYS_PTRACE is missed"
like "$said" "process $target: (Permission denied|Operation not permitted)" "and needed"

said=$(with sys_ptrace sys_nice bpf perfmon syslog)
like "$said" "missing capabilities: CAP_DAC_OVERRIDE: other users' processes" "CAP_DAC_OVERRIDE is missed"
like "$said" "process $target: (Permission denied|Operation not permitted)" "and needed"

kill "$target"
rm "$log"
finish
