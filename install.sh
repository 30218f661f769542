#!/bin/sh
# Builds Purser from this checkout and installs it; `install.sh --help` says how.
set -eu

usage() {
  cat <<'EOF'
usage: ./install.sh [--prefix DIR] [--demo]
       ./install.sh [--prefix DIR] --uninstall

Builds purser and installs it as DIR/bin/purser and DIR/bin/docker-credential-purser, then makes
the key of your vault if you have none. Needs Node.js 18 or newer with npm, for the build alone.

  --prefix DIR   where to install; default: /usr/local for root, ~/.local for everybody else
  --demo         then show what it does: needs no account and no network, takes some seconds
  --uninstall    remove the two programs; the vault and its key stay where they are
  --help         say this

Installing again replaces the programs, and keeps the vault and its key.
EOF
}

say() {
  printf '%s==>%s %s\n' "$bold" "$plain" "$1"
}

fail() {
  printf 'install.sh: error: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf 'install.sh: hint: %s\n' "$2" >&2
  exit 1
}

misuse() {
  printf 'install.sh: error: %s\n' "$1" >&2
  printf 'install.sh: hint: ./install.sh --help lists what it takes\n' >&2
  exit 2
}

check_tools() {
  command -v node >/dev/null ||
    fail 'there is no node in PATH' 'install Node.js 18 or newer, as in: apt-get install nodejs npm'
  node_version=$(node --version) || fail 'node does not run'
  major=${node_version#v}
  major=${major%%.*}
  [ "$major" -ge 18 ] ||
    fail "node is $node_version, which is too old" 'install Node.js 18 or newer'
  command -v npm >/dev/null ||
    fail 'there is no npm in PATH' 'install the npm of your Node.js, as in: apt-get install npm'
}

# A program that runs cannot be written to, and half a program must never be there to be run: so
# the new one is put beside it, and takes its name in one step.
put_program() {
  fresh="$bin/.purser.$$"
  trap 'rm -f "$fresh"' EXIT
  cp dist/purser "$fresh"
  chmod 0755 "$fresh"
  mv -f "$fresh" "$bin/purser"
  ln -s purser "$fresh"
  mv -f "$fresh" "$bin/docker-credential-purser"
}

install_purser() {
  check_tools
  bin="$prefix/bin"
  if ! mkdir -p "$bin" 2>/dev/null || [ ! -w "$bin" ]; then
    fail "cannot write to $bin" 'choose another place with --prefix DIR, or run this as root'
  fi
  say "building with Node.js $node_version: the first time takes a minute"
  scripts/with-deps node scripts/build.ts
  put_program
  say "installed $bin/purser and $bin/docker-credential-purser"
  "$bin/purser" key init
  case ":$PATH:" in
  *":$bin:"*) ;;
  *) say "$bin is not in your PATH: add it, so that docker finds its helper" ;;
  esac
  [ "$demo" = no ] || "$bin/purser" demo
}

uninstall_purser() {
  bin="$prefix/bin"
  [ -e "$bin/purser" ] || [ -L "$bin/docker-credential-purser" ] ||
    { say "purser is not installed in $bin"; return; }
  rm -f "$bin/docker-credential-purser" "$bin/purser" ||
    fail "cannot remove the programs from $bin" 'run this as the user who installed them'
  say "removed $bin/purser and $bin/docker-credential-purser"
  # As in src/paths.ts; a configuration may name another place, which then stays as well.
  vault="${PURSER_HOME:-${XDG_DATA_HOME:-${HOME:?is not set}/.local/share}/purser}/vault.db"
  key="${PURSER_HOME:-${XDG_CONFIG_HOME:-$HOME/.config}/purser}/key"
  for file in "$vault" "$key"; do
    [ ! -e "$file" ] || say "left $file where it is"
  done
}

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$(printf '\033[1m') plain=$(printf '\033[0m')
fi

if [ "$(id -u)" = 0 ]; then prefix=/usr/local; else prefix=${HOME:?is not set}/.local; fi
demo=no action=install_purser
while [ $# -gt 0 ]; do
  case $1 in
  --prefix)
    [ -n "${2:-}" ] || misuse '--prefix needs a directory'
    prefix=$2
    shift
    ;;
  --prefix=?*) prefix=${1#--prefix=} ;;
  --demo) demo=yes ;;
  --uninstall) action=uninstall_purser ;;
  --help | -h)
    usage
    exit 0
    ;;
  *) misuse "unknown argument: $1" ;;
  esac
  shift
done
case $prefix in
/*) ;;
*) prefix=$(pwd)/$prefix ;;
esac
umask 022
cd "$(dirname -- "$0")"
"$action"
