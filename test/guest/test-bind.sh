#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpol bind on a machine with three nodes with memory: new pages of a range go
# where it is bound while the threads' policy stays, shared memory too; pages that
# are there move when asked to; undo.
# shellcheck source=test/guest/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
mpol=$MPOL_BUILD/src/cli/mpol
[ "$(cat /sys/devices/system/node/has_memory)" = 0-2 ] || skip "needs nodes 0-2 with memory"
command -v python3 >/dev/null || skip "needs python3"

# Two mappings of 8 MiB, which it touches when told "p" or "s"; it says their addresses.
# When told "v" it lends 16 pages of the first to a pipe: they cannot move.
coproc TARGET {
	exec python3 -u -c '
import ctypes, mmap, os, sys
maps = {"p": mmap.mmap(-1, 8 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), "s": mmap.mmap(-1, 8 << 20)}
print(*(hex(ctypes.addressof(ctypes.c_char.from_buffer(m))) for m in maps.values()))
def lend():
    class iovec(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
    pages = iovec(ctypes.addressof(ctypes.c_char.from_buffer(maps["p"])), 16 * 4096)
    return ctypes.CDLL(None).vmsplice(os.pipe()[1], ctypes.byref(pages), 1, 0) == 16 * 4096
for line in sys.stdin:
    if line[0] == "v":
        print("lent" if lend() else "failed")
        continue
    for i in range(0, 8 << 20, 4096):
        maps[line[0]][i] = 1
    print("done")
'
}
# shellcheck disable=SC2153
pid=$TARGET_PID
read -r -t 60 private shared <&"${TARGET[0]}"

touch_pages() {
	echo "$1" >&"${TARGET[1]}"
	read -r -t 60 answer <&"${TARGET[0]}"
}

# bytes_at ADDRESS NODE: of the 8 MiB there.
bytes_at() {
	"$mpol" show "$pid" --pages --range "$1-$(printf '0x%x' $(($1 + (8 << 20))))" --json |
		jq "[.page_sums[] | select(.node == $2) | .bytes] | add // 0"
}

policy_at() {
	"$mpol" show "$pid" --vmas --json | jq -r --arg at "$1" '.vmas[] | select(.start == $at).policy'
}

like "$("$mpol" bind "$pid" "$private+8MiB" bind:1)" '^process .* 1 of 1 range \(8.00 MiB\) bound to bind:1' "bind by address"
like "$("$mpol" bind "$pid" shm bind:2)" 'bound to bind:2' "bind shared memory"
is "$("$mpol" show "$pid" --json | jq -r '.policies[0].policy')" default "the threads' policy stays"
touch_pages p
touch_pages s
is "$(bytes_at "$private" 1)" $((8 << 20)) "new pages of the range are on node 1"
is "$(bytes_at "$shared" 2)" $((8 << 20)) "new pages of shared memory are on node 2"

like "$("$mpol" bind "$pid" "$private+8MiB" bind:0 --move)" 'moved 8.00 MiB of 8.00 MiB' "bind --move"
is "$(bytes_at "$private" 0)" $((8 << 20)) "its pages are on node 0"
is "$(policy_at "$private")" bind:0 "and its policy is bind:0"

"$mpol" undo "$pid" >/dev/null
is "$(policy_at "$private")" bind:1 "undo gives it bind:1 back"
"$mpol" undo "$pid" --all >/dev/null
is "$(policy_at "$private") $(policy_at "$shared")" "default default" "undo --all takes everything back"
is "$(bytes_at "$private" 0)" $((8 << 20)) "pages stay where they are"

# A part of a range that is full on one node, interleaved with its pages.
"$mpol" bind "$pid" "$private+4MiB" interleave:1-2 --move >/dev/null
within "$(bytes_at "$private" 1)" $((1 << 20)) $((3 << 20)) "moved pages go round the nodes"
is "$(bytes_at "$private" 0)" $((4 << 20)) "the rest stays"

# Pages that are to move and cannot: the policy is set, and it is said.
"$mpol" bind "$pid" "$private+8MiB" bind:0 --move >/dev/null
touch_pages v
is "$answer" lent "16 pages are lent to a pipe"
status=0
text=$("$mpol" bind "$pid" "$private+8MiB" bind:1 --move) || status=$?
is "$status" 3 "bind --move where pages stay"
like "$text" 'moved [67]\.[0-9]* MiB of 8.00 MiB' "how much it moved"
within "$(bytes_at "$private" 0)" $((64 << 10)) $((2 << 20)) "the lent pages stay, or the huge page that they are in"
finish
