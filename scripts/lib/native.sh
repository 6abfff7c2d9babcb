# Shared by the tests of bindings without a build system of their own; sourced after common.sh. Owns: which built library they
# use, and the C programs of the conformance test. Its caller sets $build.

# native_library: the path of the one that cargo built last; builds the release when there is none. WALSTREAM_LIBRARY names another.
native_library() {
  local target file last=''
  if [ -n "${WALSTREAM_LIBRARY:-}" ]; then
    [ -f "$WALSTREAM_LIBRARY" ] || die "WALSTREAM_LIBRARY=$WALSTREAM_LIBRARY is not there"
    realpath "$WALSTREAM_LIBRARY"
    return
  fi
  target=$(realpath -m "${CARGO_TARGET_DIR:-$here/../target}")
  for file in "$target/debug/libwalstream.so" "$target/release/libwalstream.so"; do
    [ -f "$file" ] || continue
    if [ -z "$last" ] || [ "$file" -nt "$last" ]; then last=$file; fi
  done
  [ -n "$last" ] || last=$("$here/build")/libwalstream.so
  echo "$last"
}

# Links to the library in $build, and conformance-sql and conformance-host, which use it.
build_natives() {
  local library flags root=${here%/*}
  library=$(native_library)
  rm -rf "$build"
  mkdir -p "$build"
  ln -s "$library" "$build/libwalstream.so"
  ln -s "$library" "$build/libwalstream.so.$(version major)"
  flags=$(pkg-config --cflags --libs libpq 2>/dev/null || echo "-I$(pg_config --includedir) -L$(pg_config --libdir) -lpq")
  local ours=(-I"$root/include" -L"$build" -lwalstream -Xlinker -rpath -Xlinker "$build")
  # shellcheck disable=SC2086 # a list
  "${CC:-cc}" -o "$build/conformance-sql" "$root/tests/conformance/sql.c" "${ours[@]}" $flags
  "${CC:-cc}" -o "$build/conformance-host" "$root/tests/conformance/host.c" "${ours[@]}"
}

sql() { "$build/conformance-sql" "$@"; }

# wait_for CONNINFO QUERY RESULT
wait_for() {
  local until=$((SECONDS + 60))
  while [ "$(sql query "$1" "$2")" != "$3" ]; do
    [ $SECONDS -lt $until ] || die "not within 60 s: $2"
    sleep 0.05
  done
}

# In CI nothing may stay untested.
skip() {
  [ -z "${CI:-}" ] || die "$1, and this is CI: nothing may stay untested"
  echo "skipped $1"
}
