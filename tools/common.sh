# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What ./do and tools/* share: messages, installing what is missing, build
# directories.  Sourced with the working directory at the root of the tree.

# Where nothing sets it (some CI runners), the caches still need a home.
export HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}

die() {
	echo "./do: $*" >&2
	exit 1
}

bad_usage() {
	echo "./do: $*" >&2
	echo "  ./do alone lists the verbs" >&2
	exit 2
}

# no_arguments VERB [ARGUMENT...]: refuses arguments that VERB does not take.
no_arguments() {
	[ $# -eq 1 ] || bad_usage "$1 does not take '$2'"
}

# quietly COMMAND...: shows the command's output only if it fails.
quietly() {
	local output
	output=$("$@" 2>&1) || {
		local status=$?
		printf '%s\n' "$output" >&2
		return "$status"
	}
}

# classic_layout COMMAND...: without address randomisation, where that can be turned off:
# kernels with more random bits than clang 14 knows break its sanitizers' shadow memory.
classic_layout() {
	if setarch -R true 2>/dev/null; then setarch -R "$@"; else "$@"; fi
}

# The tree's own files by kind, NUL-terminated; without git, so that a tarball will do.
c_files() {
	find . -path './build*' -prune -o -type f -name '*.[ch]' -printf '%P\0' | sort -z
}

shell_files() {
	find . \( -path './build*' -o -path './.git' \) -prune -o -type f -printf '%P\0' |
		xargs -0 grep -lZ -m1 -E '^#!.*\b(ba|da)?sh$|^# shellcheck shell=bash$' | sort -z
}

# ---- What the verbs need ----------------------------------------------------

as_root() {
	if [ "$(id -u)" = 0 ]; then
		env DEBIAN_FRONTEND=noninteractive "$@"
	elif [ -t 0 ]; then
		sudo env DEBIAN_FRONTEND=noninteractive "$@"
	else
		sudo -n env DEBIAN_FRONTEND=noninteractive "$@"
	fi
}

apt() {
	as_root apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}

# Says why not, if this user cannot install packages.
can_install() {
	if [ "$(id -u)" = 0 ]; then return; fi
	command -v sudo >/dev/null || {
		echo "./do: not root, and there is no sudo: run ./do as root, or install sudo" >&2
		return 1
	}
	[ -t 0 ] || sudo -n true || {
		echo "./do: sudo wants a password and there is no terminal to ask on: run ./do in one, or as root" >&2
		return 1
	}
}

install_missing() {
	local packages=("$@")
	apt-get -s -qq install --no-install-recommends "${packages[@]}" >/dev/null 2>&1 ||
		apt update || return
	apt install --no-install-recommends "${packages[@]}" && return
	# The package lists may name versions that the mirror no longer has.
	apt update && apt install --no-install-recommends "${packages[@]}"
}

# A PostgreSQL that is installed for its programs shall not start a server.
no_cluster() {
	local folder=/etc/postgresql-common/createcluster.d
	as_root mkdir -p "$folder"
	as_root sh -c "echo 'create_main_cluster = false' >$folder/mpol.conf"
}

# need GROUP...: installs what tools/packages lists for the groups and is not there.
need() {
	local package groups why group log missing=() reasons=()
	[ -z "${MPOL_NO_INSTALL:-}" ] || return 0
	{ command -v dpkg-query && command -v apt-get; } >/dev/null ||
		die "this is not Debian: install what tools/packages lists, then set MPOL_NO_INSTALL=1"

	while read -r package groups why; do
		case $package in '' | '#'*) continue ;; esac
		for group in "$@"; do
			case ,$groups, in *,"$group",*) ;; *) continue ;; esac
			[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] && break
			missing+=("$package")
			reasons+=("$(printf '  %-20s %s' "$package" "$why")")
			break
		done
	done <tools/packages
	[ ${#missing[@]} -gt 0 ] || return 0

	can_install || die "missing: ${missing[*]}"
	echo "Installing by apt:"
	printf '%s\n' "${reasons[@]}"
	log=$(mktemp)
	case " ${missing[*]} " in *" postgresql-"*) no_cluster ;; esac
	install_missing "${missing[@]}" >"$log" 2>&1 </dev/null || {
		tail -n 20 "$log" >&2
		rm -f "$log"
		die "apt could not install ${missing[*]} (its last words are above)"
	}
	rm -f "$log"
}

# fetch_kernel VERSION: puts the lab's kernel package into the cache, so that no guest waits for
# it.  Should apt's lists be missing or old, they are renewed.
fetch_kernel() {
	lab/kernel "$1" >/dev/null && return
	echo "Renewing apt's lists, then once more" >&2
	quietly apt update
	lab/kernel "$1" >/dev/null
}

# ---- Build directories -------------------------------------------------------

# These let clones at other paths share what ccache keeps.
export CCACHE_DIR=${CCACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/mpol/ccache}
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

# How we build for ourselves: what is optional elsewhere must be there, or tests would go missing unseen.
# shellcheck disable=SC2034 # for those who source this
developer=(-Dwerror=true -Dtests=enabled -Dman=enabled -Dbpf=enabled)

# configure DIRECTORY COMPILER [MESON-OPTION...]: sets the directory up, or
# brings one that was set up with other options to these.
configure() {
	local directory=$1 compiler=$2 wanted=${*:2} stamp=$1/.configured action=()
	shift 2
	if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then return; fi
	[ ! -f "$directory/build.ninja" ] || action=(--wipe)
	if command -v ccache >/dev/null; then compiler="ccache $compiler"; fi
	CC=$compiler quietly meson setup "${action[@]}" "$@" "$directory"
	printf '%s' "$wanted" >"$stamp"
}
