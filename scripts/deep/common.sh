# Shared by the checks beside this file; sourced, never run. Each check prints one line, "ok", "failed" or "skipped".
# A check whose tool cannot be had is skipped, and says so.

# shellcheck source=../lib/common.sh
. "$here/../lib/common.sh"
cd "$here/../.."
name=${program#check-}

passed() { printf 'ok     %s%s\n' "$name" "${1:+: $1}"; }
failed() {
  printf 'failed %s: %s\n' "$name" "$*"
  exit 1
}
skipped() {
  printf 'skipped %s: %s\n' "$name" "$*"
  exit 0
}

# tests_of LOG: of the last cargo test in it
tests_of() { sed -n 's/^test result: ok. \([0-9]* passed\).*/\1/p' <<<"$1" | grep -v '^0 ' | tail -n 1; }

# tool NAME…: the first that there is
tool() {
  local candidate
  for candidate; do
    if command -v "$candidate" 2>/dev/null; then return; fi
  done
  return 1
}

with_nightly() {
  with_cargo
  cargo +nightly --version >/dev/null 2>&1 || skipped "needs a nightly toolchain: rustup toolchain install nightly"
}

libpq_flags() { pkg-config --cflags --libs libpq; }

# Every C and C++ source of ours. refused.cpp holds what must not compile.
c_sources() { find tests c-examples -name '*.c' | sort; }
cxx_sources() { find tests c-examples -name '*.cpp' ! -name refused.cpp | sort; }

# c_tests COMPILER OUT FLAG…: compiles each C test into OUT, but test_memory, which brings its own malloc
c_tests() {
  local compiler=$1 out=$2 source libpq
  shift 2
  mkdir -p "$out"
  libpq=$(libpq_flags)
  for source in tests/c/test_*.c; do
    [ "$source" != tests/c/test_memory.c ] || continue
    # Checkers make everything slower, so the deadlines are longer. $libpq is several words.
    # shellcheck disable=SC2086
    "$compiler" -std=c99 -g -O1 -DCASE_DEADLINE_MS=300000 -DLIVE_WAIT_MS=60000 -Iinclude "$source" \
      -o "$out/$(basename "$source" .c)" "$@" $libpq -lpthread
  done
}
