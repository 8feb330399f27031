#!/usr/bin/env bash
# Builds the Debian package, installs it on this machine (as root, when leat is not installed), runs it, removes it and
# looks for what is left. Elsewhere it checks the unpacked package only. check_package.sh [PACKAGE]
# shellcheck disable=SC2317  # check calls these functions by their names
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"

failed=0
ok() { echo "ok package: $1"; }
bad() {
  echo "FAILED package: $1"
  failed=1
}
# check NAME COMMAND...
check() {
  local name=$1 output
  shift
  if output=$("$@" 2>&1); then ok "$name"; else
    bad "$name: $* said: $(head -n 5 <<<"$output")"
  fi
}
absent() { [ ! -e "$1" ] && [ ! -L "$1" ]; }
contains() { grep -q -- "$1" <<<"$2" || { echo "$2"; return 1; }; }

deb=${1-}
[ -n "$deb" ] || deb=$(scripts/package)
listing=$(dpkg-deb -c "$deb" | awk '{ print $1, $2, $6 }')
control=$(dpkg-deb -I "$deb")
for path in ./usr/bin/leat ./lib/systemd/system/leat.service ./etc/leat/leat.toml ./usr/share/doc/leat/copyright \
  ./usr/share/bash-completion/completions/leat ./usr/share/zsh/vendor-completions/_leat; do
  check "holds $path" contains " $path\$" "$listing"
done
check "everything belongs to root" test -z "$(grep -v ' root/root ' <<<"$listing")"
check "nothing is writable by others" test -z "$(awk '$1 ~ /^[-d].......w/ { print }' <<<"$listing")"
check "depends on the C library and adduser" contains 'Depends:.*adduser.*libc6' "$control"
check "has its configuration as a conffile" contains '^/etc/leat/leat.toml$' "$(dpkg-deb -I "$deb" conffiles)"
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
dpkg-deb -x "$deb" "$stage"
version=$(dpkg-deb -f "$deb" Version)
check "the program runs and says its version" contains "$version" "$("$stage/usr/bin/leat" --version)"
check "the program is stripped" contains 'stripped' "$(file "$stage/usr/bin/leat" | grep -v 'not stripped')"
check "the bash completion is a shell script" bash -n "$stage/usr/share/bash-completion/completions/leat"
check "the configuration that it ships is right" "$stage/usr/bin/leat" config check --config "$stage/etc/leat/leat.toml"

cmake --install "$(dirname "$deb")" --prefix "$stage/prefix" >/dev/null
check "cmake --install below a prefix stays below it" test -x "$stage/prefix/bin/leat" -a -f "$stage/prefix/etc/leat/leat.toml"
check "its unit runs that program" contains "ExecStart=$stage/prefix/bin/leat serve" \
  "$(cat "$stage/prefix/lib/systemd/system/leat.service")"

if [ "$(id -u)" -ne 0 ]; then
  echo "skipped package: installing it takes root"
  exit "$failed"
fi
if dpkg-query -W leat >/dev/null 2>&1 || getent passwd leat >/dev/null || [ -e /var/lib/leat ]; then
  echo "skipped package: leat is installed on this machine already, and stays as it is"
  exit "$failed"
fi

purge() { dpkg --purge leat >/dev/null 2>&1 || true; }
trap 'purge; rm -rf "$stage"' EXIT
check "installs" dpkg -i "$deb"
check "makes the user of the service" getent passwd leat
check "the user has no shell" contains 'nologin$' "$(getent passwd leat)"
check "the data folder is the user's alone" contains '^leat 750$' "$(stat -c '%U %a' /var/lib/leat)"
if command -v systemd-analyze >/dev/null; then
  check "systemd takes the unit" systemd-analyze verify --man=no /lib/systemd/system/leat.service
else
  echo "skipped package: there is no systemd-analyze to verify the unit"
fi

# What the unit would run, as its user, on ports of its own.
port=$((20000 + RANDOM % 10000))
setpriv --reuid leat --regid leat --clear-groups /usr/bin/leat serve --config /etc/leat/leat.toml \
  --listen "kafka=127.0.0.1:$port" --listen "http=127.0.0.1:$((port + 1))" >"$stage/serve.log" 2>&1 &
server=$!
ready=''
for _ in $(seq 100); do
  if curl -fs "http://127.0.0.1:$((port + 1))/readyz" >/dev/null 2>&1; then
    ready=1
    break
  fi
  sleep 0.1
done
check "serves as that user from its configuration" test -n "$ready"
check "a client finds the broker" kcat -b "127.0.0.1:$port" -L -q
kill "$server" 2>/dev/null || true
if wait "$server"; then ok "stops on SIGTERM"; else bad "stops on SIGTERM: $(tail -n 3 "$stage/serve.log")"; fi

check "removes" dpkg -r leat
check "removing takes the program away" absent /usr/bin/leat
check "removing keeps the data" test -d /var/lib/leat
check "removing keeps the configuration" test -f /etc/leat/leat.toml
check "purges" dpkg -P leat
for path in /var/lib/leat /etc/leat /lib/systemd/system/leat.service /usr/share/doc/leat \
  /usr/share/bash-completion/completions/leat /etc/systemd/system/multi-user.target.wants/leat.service; do
  check "purging leaves no $path" absent "$path"
done
check "purging leaves no user" test -z "$(getent passwd leat; getent group leat)"
exit "$failed"
