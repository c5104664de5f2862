#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# ./do: everything that one does with mpol's source tree; alone, it lists what.
# Short verbs are functions here, long ones are files of their own in tools/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. tools/common.sh

usage() {
	cat <<'END'
Usage: ./do VERB [ARGUMENTS]

  demo                       the main job, on the lab machine, in front of your eyes
  check [STAGE...]           every test, as CI runs it (check --list names the stages)
  build                      compile into build/, with warnings fatal
  lab MACHINE [-- COMMAND]   boot a described machine under QEMU, run COMMAND (or a shell) in it
  bench [NAME...]            measure figures against their goals; --json FILE to keep them
  kills [--number N]         kill N controllers over targets that check themselves (--target NAME...)
  fuzz [TARGET] [SECONDS]    feed random input to the parsers, 60 s each unless told
  fmt [--fix]                say what .clang-format would change, or change it
  install [--prefix DIR]     install programs, library, manual pages and completions
  package                    build a .deb into build-release/

Each verb installs, by apt, what it needs and is missing: tools/packages says
what and why.  MPOL_NO_INSTALL=1 keeps it from installing anything.
END
}

build() {
	no_arguments build "$@"
	need build test
	configure build gcc "${developer[@]}"
	ninja -C build
}

# What every guest needs: programs to run in it, and a kernel.
prepare_lab() {
	configure build gcc "${developer[@]}"
	quietly ninja -C build
	fetch_kernel 6.12
}

demo() {
	[ -x demo/run ] || die "demo/run is not in this tree"
	need build test lab demo
	prepare_lab
	exec demo/run "$@"
}

lab() {
	[ $# -gt 0 ] || bad_usage "lab needs a machine: $(cd lab/machines && echo *.yaml | sed 's/\.yaml//g')"
	need build test lab
	prepare_lab
	[ $# -ne 1 ] || set -- --shell "$1"
	exec lab/run "$@"
}

fmt() {
	local mode=(--dry-run -Werror)
	case ${1:-} in
	--fix) mode=(-i) && shift ;;
	esac
	no_arguments fmt "$@"
	need format
	c_files | xargs -0 clang-format "${mode[@]}"
}

install() {
	local options=(--prefix /usr/local) destdir=
	while [ $# -gt 0 ]; do
		case $1 in
		--prefix | --destdir) [ $# -ge 2 ] || bad_usage "install: $1 needs a directory" ;;&
		--prefix) options=(--prefix "$(realpath -m "$2")") && shift 2 ;;
		--destdir) destdir=$(realpath -m "$2") && shift 2 ;;
		*) bad_usage "install takes --prefix DIR and --destdir DIR, not '$1'" ;;
		esac
	done
	need build man
	configure build-release gcc -Dbuildtype=release -Dtests=disabled -Dlab=false -Dman=enabled "${options[@]}"
	ninja -C build-release
	DESTDIR=$destdir meson install -C build-release --no-rebuild
	if [ -z "$destdir" ] && [ "$(id -u)" = 0 ]; then ldconfig; fi
}

verb=${1:-help}
shift || true
case $verb in
build | demo | lab | fmt | install) "$verb" "$@" ;;
check | bench | fuzz | kills | package) exec "tools/$verb" "$@" ;;
help | -h | --help) usage ;;
*) bad_usage "no such verb: $verb" ;;
esac
