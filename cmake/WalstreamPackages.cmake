# cpack: a Debian package and a tar archive of what is installed.

set(CPACK_GENERATOR "DEB;TGZ")
set(CPACK_PACKAGE_CONTACT "The walstream authors")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "PostgreSQL's replication stream for C and C++ programs")
set(CPACK_PACKAGE_DESCRIPTION "A shared and a static library with C and C++ headers. It reads a replication slot on a thread of its own,
and hands every committed change to the program, in order, with an identity.")
set(CPACK_RESOURCE_FILE_LICENSE "${CMAKE_CURRENT_SOURCE_DIR}/LICENSE-MIT")
set(CPACK_PACKAGE_VENDOR walstream)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
# To link statically; who uses the shared library does without.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "libpq-dev")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# The package tells the linker's cache of the library.
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
find_program(WALSTREAM_SHLIBDEPS dpkg-shlibdeps)
mark_as_advanced(WALSTREAM_SHLIBDEPS)
if(WALSTREAM_SHLIBDEPS)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
else()
  set(CPACK_DEBIAN_PACKAGE_DEPENDS "libc6, libgcc-s1, libpq5")
endif()

include(CPack)
