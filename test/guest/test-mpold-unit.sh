#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpold.service under a systemd of its own, in namespaces: with everything that the unit closes, mpold is ready,
# manages, reads its files again, comes back when it was killed, and stops; the kernel's own tiering is off meanwhile.
# shellcheck source=test/guest/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[ -x /lib/systemd/systemd ] || skip "there is no systemd"
copy=/opt/mpold-unit # where the unit closes nothing: a build may be in /tmp or at home
scratch=/root/mpold-unit # not in /tmp, of which the unit has one of its own
units=/etc/systemd/system

mkdir -p "$copy/daemon" "$copy/lib" "$scratch" "$units/mpold.service.d" /etc/mpol
cp "$MPOL_BUILD/src/daemon/mpold" "$copy/daemon/"
cp "$MPOL_BUILD"/src/lib/libmpol.so.? "$copy/lib/"
printf 'targets:\n- match: sleep 54321\n' >/etc/mpol/mpold.yaml
sed "s|^ExecStart=[^ ]*|ExecStart=$copy/daemon/mpold|" "$MPOL_BUILD/packaging/mpold.service" >"$units/mpold.service"
cat >"$units/mpold.service.d/test.conf" <<END
[Unit]
DefaultDependencies=no
[Service]
StandardError=append:$scratch/log
END
cat >"$units/driver.service" <<END
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/bash $scratch/driver
StandardOutput=append:$scratch/said
StandardError=append:$scratch/said
TimeoutStartSec=300
END
# What is asked of it: a line for each answer.
cat >"$scratch/driver" <<'END'
setpriv --reuid=1000 --regid=1000 --clear-groups sleep 54321 &
show() { systemctl show mpold --property="$1" --value; }
tiering() { echo "$(cat /proc/sys/kernel/numa_balancing) $(cat /sys/kernel/mm/numa/demotion_enabled)"; }
await_tiering() { for ((i = 0; i < 50; i++)); do [ "$(tiering)" = "$1" ] && break || sleep 0.2; done; echo "$2: $(tiering)"; }
echo 2 >/proc/sys/kernel/numa_balancing
echo true >/sys/kernel/mm/numa/demotion_enabled
echo "before: $(tiering)"
await() { for ((i = 0; i < 300; i++)); do [[ $(show "$1") == $2 ]] && break || sleep 0.2; done; echo "$1: $(show "$1")"; }
systemctl start mpold
await StatusText '1 process*'
await_tiering "0 false" "while it runs"
grep -E 'CapEff|NoNewPrivs' "/proc/$(show MainPID)/status"
echo 'bugdet: 1%' >/etc/mpol/mpold.yaml
systemctl reload mpold
await ActiveState active
kill -KILL "$(show MainPID)"
printf 'targets:\n- match: sleep 54321\n' >/etc/mpol/mpold.yaml
await NRestarts 1
await StatusText '1 process*'
await_tiering "0 false" "started again"
systemctl stop mpold
echo "at last: $(show ActiveState) $(show Result)"
await_tiering "2 true" "stopped"
systemctl exit
END
cat >"$scratch/init" <<'END'
mount -t tmpfs tmpfs /run
mount -t proc proc /proc
exec env container=lab /lib/systemd/systemd --system --unit=driver.service --log-target=null --show-status=no
END

balancing=$(cat /proc/sys/kernel/numa_balancing)
demotion=$(cat /sys/kernel/mm/numa/demotion_enabled)

# A cgroup of its own is the root of what that systemd sees.
mkdir -p /sys/fs/cgroup/unit
echo $$ >/sys/fs/cgroup/unit/cgroup.procs
timeout -k 5 240 unshare --pid --fork --kill-child --mount --cgroup --propagation private bash "$scratch/init" </dev/null || true
echo "$balancing" >/proc/sys/kernel/numa_balancing
echo "$demotion" >/sys/kernel/mm/numa/demotion_enabled
said=$(cat "$scratch/said")
log=$(cat "$scratch/log")
like "$said" "^StatusText: 1 process" "systemd starts it, and it says what it manages"
like "$said" "CapEff:.0*c400880002" "it has kept what it needs"
like "$said" "NoNewPrivs:.1" "and can gain nothing"
like "$log" "the settings stay as they were: .*line 1, bugdet" "a wrong file is not taken"
like "$said" "^ActiveState: active" "and ends nothing"
like "$said" "^NRestarts: 1" "killed, it is started again"
is "$(grep -c '^StatusText: 1 process' <<<"$said")" 2 "and finds what it is to manage"
like "$said" "^at last: inactive success" "it stops when it is told to"
like "$said" "^before: 2 true" "the kernel's own tiering is on before it is started"
like "$said" "^while it runs: 0 false" "off while it runs"
like "$said" "^started again: 0 false" "also after it was killed"
like "$said" "^stopped: 2 true" "and given back when it is stopped"
[ "$lib_failures" = 0 ] || sed 's/^/# /' "$scratch/said" "$scratch/log"
finish
