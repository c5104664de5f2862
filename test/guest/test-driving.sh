#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpol bind --driving: of a program that streams through two of three arrays these are interleaved, when
# they ask for more than local memory delivers; otherwise nothing is.  What memory delivers is made up.
# shellcheck source=test/guest/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
mpol=$MPOL_BUILD/src/cli/mpol
[ "$(cat /sys/devices/system/node/has_memory)" = 0-2 ] || skip "needs nodes 0-2 with memory"
XDG_STATE_HOME=$(mktemp -d)
export XDG_STATE_HOME
echo 0 >/proc/sys/kernel/numa_balancing
without_huge_pages

# delivers MB: so much does local memory, in MB/s; node 2 half as much.
"$mpol" weights measure --time 1s >/dev/null 2>&1
record=$(ls "$XDG_STATE_HOME"/mpol/*)
delivers() {
	jq --argjson bytes "${1}000000" '.bytes_per_second[] |=
		(if .target == 2 then $bytes / 2 else $bytes end) as $made_up | . + {read: $made_up, write: $made_up, mixed: $made_up}' \
		"$record" >"$record.new"
	mv "$record.new" "$record"
}

# 32 MiB each; a million lines a second, of which the program gets as many as an emulated CPU can.
array=$((32 << 20))
coproc PLAY {
	exec taskset -c "$(cat /sys/devices/system/node/node0/cpulist)" "$MPOL_BUILD/lab/play" --start 0 --rate 1000000 \
		--bursts 1000 --time 10min stream:kernel=copy,size=96MiB,threads=1
}
# shellcheck disable=SC2153 # coproc sets it
program=$PLAY_PID
first=$((0x100000000000)) # lab/player.h
arrays=0x$(printf %x $first)+$((3 * array))
for said in prepared ready; do
	read -r -t 60 answer <&"${PLAY[0]}"
	like "$answer" "$said" "the program is $said"
	echo >&"${PLAY[1]}"
done
read -r -t 60 _ <&"${PLAY[0]}" # its first interval

# driving [OPTION...]: what mpol bind makes of them, in $answer.
driving() {
	answer=$("$mpol" bind "$program" "$arrays" weighted:0=2,2=1 --driving --time 1s --json "$@")
}
# bytes NUMBER: of an array, that drive.  on_node_2 NUMBER: that are there.
# shellcheck disable=SC2016 # the variables are jq's
within_array='def hex: ltrimstr("0x") | explode | reduce .[] as $c (0; . * 16 + if $c > 96 then $c - 87 else $c - 48 end);
	def within: [([(.start | hex), $first] | max), ([(.end | hex), $first + $bytes] | min)] | .[1] - .[0];'
of_array() {
	jq --argjson first $((first + $1 * array)) --argjson bytes $array "$within_array $2"
}
bytes() {
	of_array "$1" '[.driving.ranges[] | select(.drives) | within | select(. > 0)] | add // 0' <<<"$answer"
}
on_node_2() {
	"$mpol" show "$program" --vmas --json |
		of_array "$1" '[.vmas[] | select(within > 0) | .nodes[] | select(.node == 2) | .bytes] | add // 0'
}

delivers 100000
driving; echo "$answer" | jq -c "{b: .driving.bytes_per_s, c: .driving.capacity_bytes_per_s, r: [.driving.ranges[] | [.start, .end, .streamed_bytes_per_s, .strewn_bytes_per_s, .reason]]}"
driving
is "$(jq '[.driving.ranges[] | select(.drives)] | length' <<<"$answer")" 0 "of fast memory nothing is interleaved"
is "$(jq -r '[.driving.ranges[].reason] | unique | join(", ")' <<<"$answer")" \
	"local memory delivers what is asked for, and answers sooner, not accessed" "and why"
is "$(jq -r .driving.tracker <<<"$answer")" ptescan "by the best tracker"
is "$(jq '.ranges | length' <<<"$answer")" 0 "nothing was bound"
seen=$(jq .driving.bytes_per_s <<<"$answer")
within "$seen" 5000000 200000000 "some MB/s were seen"

delivers $((seen / 2000000 + 1))
driving --dry-run
within "$(bytes 0)" $((array * 3 / 4)) $array "nearly all of the first array drives"
within "$(bytes 2)" $((array * 3 / 4)) $array "and of the third"
is "$(bytes 1)" 0 "none of the second, which is not accessed"
is "$(jq '.driving | .chosen_bytes_per_s > 1.2 * .local_bytes_per_s' <<<"$answer")" true "much is gained"
driving --move
for number in 0 2; do
	within "$(on_node_2 $number)" $((array / 4)) $((array * 11 / 32)) "a third of what drives is on node 2 ($number)"
done
is "$(on_node_2 1)" 0 "nothing of the other array"
like "$("$mpol" show "$program" --vmas)" 'weighted:0=2,2=1' "it has the policy"
"$mpol" undo "$program" >/dev/null
delivers 1000
driving --dry-run
is "$(jq '[.driving.ranges[] | select(.drives)] | length' <<<"$answer")" 0 "seen to be too little again"
driving --dry-run --traffic 1GB/s
within "$(bytes 0)" $((array * 3 / 4)) $array "what is known of its traffic counts"

kill -0 "$program"
kill "$program"
finish
