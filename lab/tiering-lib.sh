# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154
# For what measures tiering in a guest, sourced in the top folder: bench/tiering-guest, bench/predict-guest,
# demo/tiering-guest.

# The kernel's own: NUMA balancing's tiering mode and demotion, as Linux has them by default.
kernel_tiering_on() {
	echo true >/sys/kernel/mm/numa/demotion_enabled
	echo 2 >/proc/sys/kernel/numa_balancing
}

kernel_tiering_off() {
	echo 0 >/proc/sys/kernel/numa_balancing
	echo false >/sys/kernel/mm/numa/demotion_enabled
}

# What a program could have of node 0 before anybody has to make room, in pages.
free_pages() {
	awk '
	/^Node/ { node = $2 + 0; free = 0 }
	node == 0 && $1 == "pages" && $2 == "free" { free = $3 }
	node == 0 && NF == 2 && $1 == "high" { sum += free > $2 ? free - $2 : 0 }
	END { print sum }' /proc/zoneinfo
}

# await EVENT: until lab/play, process $player with its output in $stem.play, says so.
await() {
	until grep -q "\"$1\"" "$stem.play"; do
		kill -0 "$player"
		sleep 0.2
	done
}
