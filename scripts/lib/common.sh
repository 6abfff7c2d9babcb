# Shared by the scripts beside this folder; sourced, never run. Owns: messages, the user that servers run
# as, and where downloads are kept. Starts nothing and installs nothing.

umask 022
program=${0##*/}

die() {
  printf '%s: %s\n' "$program" "$*" >&2
  exit 1
}

# A line that says what is going on; dim on a terminal, so that it stands behind the program's own output.
say() {
  if [ -t 2 ] && [ -z "${NO_COLOR:-}" ]; then
    printf '\033[2m%s\033[0m\n' "$*" >&2
  else
    printf '%s\n' "$*" >&2
  fi
}

# PostgreSQL refuses to run as root: then its processes run as somebody else.
server_user() {
  if [ "$(id -u)" != 0 ]; then
    id -un 2>/dev/null || id -u
  elif id postgres >/dev/null 2>&1; then
    echo postgres
  elif id nobody >/dev/null 2>&1; then
    echo nobody
  else
    die "root needs another user to run PostgreSQL as: create one, such as 'useradd --system postgres'"
  fi
}

# as_server_user COMMAND…: in a clean environment, because PGPORT, PGDATA and their like would change what
# the server does.
as_server_user() {
  local clean=(env -i "PATH=$PATH" LC_ALL=C TZ=UTC HOME=/)
  if [ "$(id -u)" != 0 ]; then
    "${clean[@]}" "$@"
    return
  fi
  local user
  user=$(server_user) || exit 1
  if command -v setpriv >/dev/null; then
    setpriv --reuid="$(id -u "$user")" --regid="$(id -g "$user")" --clear-groups "${clean[@]}" "$@"
  elif command -v runuser >/dev/null; then
    runuser -u "$user" -- "${clean[@]}" "$@"
  else
    su "$user" -s /bin/sh -c 'exec "$@"' -- sh "${clean[@]}" "$@"
  fi
}

# Where downloads and prepared data directories stay. Outside the work tree, and where the server's user can
# read: below /root it usually cannot.
cache_dir() {
  if [ -n "${WALSTREAM_CACHE:-}" ]; then
    echo "$WALSTREAM_CACHE"
    return
  fi
  local base=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}} above
  if [ "$(id -u)" = 0 ]; then
    above=${base:-/nowhere}
    while [ ! -d "$above" ] && [ "$above" != / ]; do above=$(dirname "$above"); done
    if [ -z "$base" ] || ! as_server_user test -x "$above"; then
      echo /var/cache/walstream
      return
    fi
  fi
  [ -n "$base" ] || die "neither HOME nor XDG_CACHE_HOME is set: set WALSTREAM_CACHE to a directory for downloads"
  echo "$base/walstream"
}

# rustup writes its directory into the shell's start files, which a script run from elsewhere has not read.
with_cargo() {
  command -v cargo >/dev/null || PATH=$PATH:${CARGO_HOME:-${HOME:-}/.cargo}/bin
  command -v cargo >/dev/null || die "Rust is missing: install it as https://rustup.rs says, then run this again"
}

# version: of the crate; version major: its first number
version() {
  local version
  version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/../Cargo.toml" | head -n 1)
  if [ "${1:-}" = major ]; then version=${version%%.*}; fi
  echo "$version"
}

section() {
  printf '\n=== %s\n' "$*"
}
