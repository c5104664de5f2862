#!/usr/bin/env bash
# ./do: everything that one does with mpol's source tree.  ./do alone lists it.
set -euo pipefail
cd "$(dirname "$0")"

usage() {
	cat <<'EOF'
Usage: ./do VERB [ARGUMENTS]

  build            compile into build/
  check            every test suite, as CI runs it
EOF
}

build() {
	[ -f build/build.ninja ] || meson setup build -Dwerror=true
	ninja -C build
}

check() {
	build
	meson test -C build --print-errorlogs
}

verb=${1:-help}
shift || true
case $verb in
build) build "$@" ;;
check) check "$@" ;;
help | -h | --help) usage ;;
*)
	echo "./do: no such verb: $verb" >&2
	usage >&2
	exit 2
	;;
esac
