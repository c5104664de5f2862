#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# lab/run from outside: what it gives back of a command, and how guests end.
# shellcheck source=test/guest/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/guest/lab-lib.sh
. "$(dirname "$0")/lab-lib.sh"

need_guests

lab two-dram-cxl -- sh -c 'echo to stdout; echo to stderr >&2; exit 7'
is "$status" 7 "the command's exit status comes through"
is "$stdout" "to stdout" "its stdout comes through"
like "$stderr" '^to stderr$' "its stderr comes through, apart"
nothing_left "a command that ends"

cd "$work" || exit 1
# shellcheck disable=SC2016 # the guest expands them
lab --out "$work/out" --time two-dram-cxl -- sh -c 'printf "%s\n" "$1" >"$LAB_OUT/a file"; pwd; echo "$PATH"' sh "a 'quoted' \$word"
is "$status" 0 "a command with --out succeeds"
is "$(cat "$work/out/a file")" "a 'quoted' \$word" "a file in the out folder arrives, and arguments do unharmed"
is "$stdout" "$work"$'\n'"$PATH" "working folder and PATH are the caller's"
like "$stderr" '^lab/run: [0-9.]+ s from start to command$' "--time prints the seconds to the command"

lab --append lab.test=1 two-dram-cxl -- sh -c 'cat /proc/cmdline; touch /etc/lab-was-here && ls /etc/lab-was-here; ip -o link show lo || true; mount; hostname'
like "$stdout" 'lab\.test=1' "--append reaches the kernel"
like "$stdout" '^/etc/lab-was-here$' "the guest can write anywhere"
is "$([ -e /etc/lab-was-here ] && echo there || echo absent)" absent "and the host's files stay as they are"
for filesystem in 'cgroup2 on /sys/fs/cgroup' 'debugfs on /sys/kernel/debug' 'tracefs on /sys/kernel/tracing' 'bpf on /sys/fs/bpf'; do
	like "$stdout" "$filesystem" "in the guest: $filesystem"
done
like "$stdout" '^two-dram-cxl$' "the host name is the machine's"

lab two-dram-cxl -- sh -c 'yes 0123456789abcde | head -c 4194304; sleep 1000 & echo end'
is "$status ${#stdout}" "0 4194307" "4 MiB of stdout arrive whole, with something left in the background"

lab --la48 two-dram-cxl -- grep -c -w la57 /proc/cpuinfo
is "$stdout" 0 "--la48: no 5-level page tables"
lab two-dram-cxl -- grep -c -w la57 /proc/cpuinfo
like "$stdout" '^[1-9]' "without it there are"
lab --kernel 6.1 two-dram-cxl -- uname -r
like "$stdout" '^6\.1\.' "--kernel 6.1 runs 6.1"

lab --icount two-dram-cxl -- sh -c 'sleep 3000; echo woke'
is "$status $stdout" "0 woke" "--icount: what sleeps takes no time here"

# Two guests: one hangs and is ended, the other is not disturbed.
"$lab_run" --timeout 900 two-dram-cxl -- sh -c 'sleep 25; echo survived' >"$work/survivor" 2>&1 &
survivor=$!
lab --timeout 15 two-dram-cxl -- sleep 1000
is "$status" 124 "a hanging command ends with 124"
like "$stderr" 'no end after 15 s' "and a clear message"
status=0
wait "$survivor" || status=$?
is "$status $(cat "$work/survivor")" "0 survived" "a guest that ran meanwhile ends in its own time"
nothing_left "a time-out"

lab --log "$work/log" two-dram-cxl -- sh -c 'echo c >/proc/sysrq-trigger; sleep 1000'
is "$status" 125 "a guest that panics ends with 125"
like "$stderr" 'Kernel panic' "and the line that says so"
like "$(cat "$work/log")" 'sysrq: Trigger a crash' "--log keeps the whole kernel log"
nothing_left "a panic"

lab two-dram-cxl -- sh -c 'echo "<4>WARNING: CPU: test" >/dev/kmsg; echo went on'
is "$status" 125 "a warning in the kernel log ends with 125"
like "$stderr" 'WARNING: CPU: test' "and the line that says so"
is "$stdout" "went on" "though the command's output is passed on"

# A QEMU whose first guest dies of TCG's flaw while it starts; and one whose guests all do.
mkdir "$work/qemu"
cat >"$work/qemu/qemu-system-x86_64" <<'END'
#!/usr/bin/env bash
here=$(dirname "$0")
if [ ! -e "$here/tripped" ] || [ -e "$here/always" ]; then
	touch "$here/tripped"
	for word in "$@"; do
		[[ $word != file,id=console,path=* ]] || echo 'Oops: int3: 0000 [#1]' >"${word#file,id=console,path=}"
	done
	exit
fi
PATH=${PATH#"$here:"} exec qemu-system-x86_64 "$@"
END
chmod +x "$work/qemu/qemu-system-x86_64"
PATH=$work/qemu:$PATH lab two-dram-cxl -- echo there
is "$status $stdout" "0 there" "a guest that TCG kills while it starts is started once more"
like "$stderr" 'starting once more' "and lab/run says so"
touch "$work/qemu/always"
PATH=$work/qemu:$PATH lab two-dram-cxl -- echo there
is "$status" 125 "but not for ever"
rm "$work/qemu/tripped" "$work/qemu/always"
sed -i 's/^\texit$/\texec sleep 1000/' "$work/qemu/qemu-system-x86_64"
LAB_BOOT_SECONDS=4 PATH=$work/qemu:$PATH lab two-dram-cxl -- echo there
is "$status $stdout" "0 there" "a guest that hangs while it starts is started once more"
rm "$work/qemu/tripped"
sed -i 's/^\texec sleep 1000$/\tkill -ABRT $$/' "$work/qemu/qemu-system-x86_64"
PATH=$work/qemu:$PATH lab two-dram-cxl -- echo there
is "$status $stdout" "0 there" "a guest whose QEMU aborts while it starts is started once more"
like "$stderr" 'QEMU aborted' "and lab/run says why"
nothing_left "starting once more"
# Once the command runs it is repeated only if that is said to be fine.
cat >"$work/qemu/qemu-system-x86_64" <<'END'
#!/usr/bin/env bash
here=$(dirname "$0")
PATH=${PATH#"$here:"} qemu-system-x86_64 "$@"
[ ! -e "$here/tripped" ] || exit 0
touch "$here/tripped"
for word in "$@"; do
	[[ $word != file,id=console,path=* ]] || echo 'Oops: int3: 0000 [#1]' >>"${word#file,id=console,path=}"
done
END
rm "$work/qemu/tripped"
PATH=$work/qemu:$PATH lab two-dram-cxl -- echo there
is "$status $stdout" "125 there" "a command that TCG has ended is not repeated"
rm "$work/qemu/tripped"
PATH=$work/qemu:$PATH lab --again two-dram-cxl -- echo there
is "$status $stdout" "0 there
there" "with --again it is"
nothing_left "a command that is repeated"

# Job control, so that the background job does not ignore SIGINT; nor SIGHUP, where the check itself does (nohup).
for signal in TERM INT HUP KILL; do
	set -m
	env --default-signal=HUP "$lab_run" two-dram-cxl -- sleep 1000 >/dev/null 2>&1 &
	job=$!
	set +m
	wait_for_guest
	kill "-$signal" "$job"
	wait "$job" 2>/dev/null || true
	nothing_left "SIG$signal"
done

finish
