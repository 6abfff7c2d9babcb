# Shared by test-dotnet and pack-dotnet; sourced after common.sh. Owns: compiling the binding with mono's mcs.

binding=$here/../bindings/dotnet

# compile_cs OUTPUT OPTIONS AND SOURCES…
compile_cs() {
  local output=$1 kind=exe
  shift
  case $output in *.dll) kind=library ;; esac
  mcs -nologo -warnaserror -warn:4 -optimize+ -target:$kind "-out:$output" "$@" || die "mcs does not compile $(basename "$output")"
}

# compile_binding DIRECTORY [OPTIONS…]: Walstream.dll and its documentation
compile_binding() {
  local directory=$1
  shift
  compile_cs "$directory/Walstream.dll" -unsafe "-doc:$directory/Walstream.xml" "$@" "$binding"/Walstream/*.cs "$binding"/Walstream/Native/*.cs
}
