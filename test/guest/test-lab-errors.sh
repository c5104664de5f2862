#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# lab/run given what it cannot work with: one clear message, no process left,
# and the exit status that says whose fault it is.
# shellcheck source=test/guest/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/guest/lab-lib.sh
. "$(dirname "$0")/lab-lib.sh"

need_guests

# refused STATUS REGEXP SENTENCE ARGUMENTS...: lab/run ends so, and says so.
refused() {
	local expected=$1 words=$2 sentence=$3
	shift 3
	lab "$@"
	is "$status" "$expected" "$sentence: status $expected"
	like "$stderr" "$words" "$sentence: $words"
	is "$stdout" "" "$sentence: nothing on stdout"
	is "$(processes)" "" "$sentence: no process left"
}

refused 2 'no such option: --nonsense' "an unknown option" --nonsense two-dram-cxl -- true
refused 2 'which command' "no command" two-dram-cxl
refused 2 "not 'soon'" "a time-out that is none" --timeout soon two-dram-cxl -- true
refused 2 'do not go together' "two ways to count" --icount --truth "$work/truth" two-dram-cxl -- true
refused 125 "no machine 'nowhere'" "an unknown machine" nowhere -- true
refused 125 'no kernel folder' "a kernel folder that is not there" --kernel /nowhere two-dram-cxl -- true
refused 127 'no-such-command' "a command that is not there" two-dram-cxl -- no-such-command
refused 125 'QEMU ended with status 1' "an argument that QEMU does not know" --qemu-arg -nonsense two-dram-cxl -- true

mkdir "$work/empty-cache" "$work/bin"
with=("XDG_CACHE_HOME=$work/empty-cache")
refused 125 'no package of kernel 9.99' "a kernel that no package has" \
	--kernel 9.99 two-dram-cxl -- true
with=()
printf '#!/bin/sh\necho "E: no network" >&2\nexit 100\n' >"$work/bin/apt-get"
printf '#!/bin/sh\necho linux-image-6.12.1-amd64\n' >"$work/bin/apt-cache"
chmod +x "$work/bin/"*
with=("XDG_CACHE_HOME=$work/empty-cache" "PATH=$work/bin:$PATH")
refused 125 'E: no network' "a package that cannot be fetched" \
	two-dram-cxl -- true
with=()
is "$(find "$work/empty-cache" -type f)" "" "a failed fetch leaves nothing in the cache"

mkdir "$work/few"
for program in bash sh env dirname basename cat realpath; do
	ln -s "$(command -v "$program")" "$work/few/"
done
with=("PATH=$work/few")
refused 125 'qemu-system-x86_64 is missing' "no QEMU" two-dram-cxl -- true
with=("MPOL_BUILD=$work")
refused 125 'is not built' "a tree that is not built" two-dram-cxl -- true
with=("TMPDIR=$work/a,b")
refused 125 'without commas' "a TMPDIR that QEMU would misread" two-dram-cxl -- true

with=()
printf 'name: bad\nnodes:\n  - id: 0\n    memory: 1GiB\n    kind: dram\n    nr_cpus: 1\n    colour: red\n' >"$work/bad.yaml"
refused 125 'bad\.yaml, line 7, nodes\[0\]\.colour: Unexpected key: colour' "a machine with an unknown key" "$work/bad.yaml" -- true
printf 'name: bad\nnodes:\n  - { id: 0, kind: dram, memory: 1GiB }\n' >"$work/bad.yaml"
refused 125 'bad\.yaml, line 3, nodes: no node has a CPU' "a machine without CPUs" "$work/bad.yaml" -- true
printf 'name: bad\nnodes:\n  - { id: 0, kind: dram, memory: 1GiB, nr_cpus: 1 }\n  - { id: 200, kind: cxl, memory: 1GiB }\n' >"$work/bad.yaml"
refused 125 'nodes 0 to 127 only' "a machine beyond QEMU" "$work/bad.yaml" -- true

if [ "$(id -u)" = 0 ]; then
	mkdir "$work/full"
	mount -t tmpfs -o size=1m tmpfs "$work/full"
	trap 'umount "$work/full"; rm -rf "$work"' EXIT
	with=("TMPDIR=$work/full")
	refused 125 "no space left in $work/full" "a full disk under TMPDIR" two-dram-cxl -- true
	mount -o remount,size=8m "$work/full"
	with=("TMPDIR=$work/full")
	lab two-dram-cxl -- sh -c 'yes | head -c 20000000'
	is "$status" 125 "output that the disk has no room for: status 125"
	like "$stderr" "output is lost: there is no space left in $work/full" "and a clear message"
	with=()
	mount -o remount,size=1m "$work/full"
	# shellcheck disable=SC2016 # the guest expands it
	lab --out "$work/full" two-dram-cxl -- sh -c 'head -c 2000000 /dev/zero >"$LAB_OUT/zeroes"'
	is "$status" 1 "a full out folder: the command's own failure comes through"
	like "$stderr" 'No space left on device' "and its message"
	like "$stderr" "no space left in the out folder $work/full" "and lab/run's"
	rm "$work/full/zeroes"
	kernel=$("$(dirname "$lab_run")/kernel" 6.12)
	mkdir "$work/full/mpol"
	with=("XDG_CACHE_HOME=$work/full")
	refused 125 'Check the free space' "a full disk under the cache" \
		--kernel "$kernel" two-dram-cxl -- true
	is "$(find "$work/full/mpol" -type f)" "" "which is left without half an archive"
else
	echo "# not root: a full disk is not tried"
fi

finish
