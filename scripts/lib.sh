# shellcheck shell=bash
# What ./run, ./test and the scripts beside this file share. Source it; it sets `root` and goes there.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1

# shellcheck disable=SC2034  # the scripts that source this use them
if [ -t 2 ] && [ "${NO_COLOR-}" = "" ]; then
  bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
  bold='' red='' green='' plain=''
fi

say() { printf '%s%s%s\n' "$bold" "$*" "$plain" >&2; }
# die "what happened" "what to do next"
die() {
  printf '%serror: %s%s\n' "$red" "$1" "$plain" >&2
  [ $# -lt 2 ] || printf '%s\n' "$2" >&2
  exit 1
}

# Packages of the arguments that dpkg does not have installed, one a line.
missing_packages() {
  local have
  have=$(dpkg-query -W -f='${Package} ${db:Status-Abbrev}\n' "$@" 2>/dev/null | awk '$2 == "ii" { print $1 }' || true)
  comm -23 <(printf '%s\n' "$@" | sort -u) <(printf '%s\n' "$have" | sort -u)
}

# install_packages NAME...: installs what is missing with apt, as root or with sudo.
install_packages() {
  local missing as_root=() log
  if ! command -v dpkg-query >/dev/null; then
    say "This is not a Debian system: please see that these are installed: $*"
    return 0
  fi
  mapfile -t missing < <(missing_packages "$@")
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "these Debian packages are missing: ${missing[*]}" \
      "Run as root: apt-get update && apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "Installing ${#missing[@]} Debian packages: ${missing[*]}"
  mkdir -p build
  log=$root/build/apt.log
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq >"$log" 2>&1 ||
    say "apt-get update failed ($(tail -n 1 "$log")); trying with the package lists that are here"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
    >>"$log" 2>&1 || {
    tail -n 15 "$log" >&2
    die "apt-get could not install: ${missing[*]}" "See $log. leat is built on Debian 12; other systems may name packages otherwise."
  }
}

# Of packages.txt, what building and serving can do without: linters, test libraries, clients, fuzzing.
only_for_tests=(clang-tidy-19 clang-format-19 llvm-19 libclang-rt-19-dev kcat librdkafka-dev
  python3-confluent-kafka python3-kafka python3-lz4 python3-zstandard python3-snappy python3-cryptography openssl curl shellcheck
  redis-tools redis-server python3-redis dpkg-dev file make python3-jsonschema python3-websockets chromium)

# install_listed_packages all|build: what packages.txt lists; with `build` only what a build needs.
install_listed_packages() {
  local packages
  mapfile -t packages < <(sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' packages.txt)
  if [ "$1" = build ]; then
    mapfile -t packages < <(comm -23 <(printf '%s\n' "${packages[@]}" | sort -u) \
      <(printf '%s\n' "${only_for_tests[@]}" | sort -u))
  fi
  install_packages "${packages[@]}"
}

# Build jobs at once: one per core, but no more than one per GB of memory.
build_jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)
  [ "$memory" -ge 1 ] || memory=1
  echo $((cores < memory ? cores : memory))
}

# configure PRESET: only when that was never done; after it Ninja itself sees when a CMakeLists.txt changes.
configure() {
  if [ ! -e "build/$1/build.ninja" ] || [ CMakePresets.json -nt "build/$1/build.ninja" ]; then
    cmake --preset "$1"
  fi
}

# build PRESET [TARGET...]
build() {
  local preset=$1
  shift
  cmake --build --preset "$preset" -j "$(build_jobs)" ${1:+--target "$@"}
}
