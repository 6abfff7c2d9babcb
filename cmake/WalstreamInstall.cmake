# cmake --install: headers, both libraries and the names by which the shared one is found, what CMake and pkg-config
# read, licences and manual. Everything is found from where it lies, so that the whole may be moved.
#
# The build directory has a walstreamConfig.cmake, too: find_package works on it without installing.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/walstream")
set(package_files "${CMAKE_CURRENT_BINARY_DIR}/package")

# walstream_package_config(FILE INSTALL_DESTINATION): what find_package reads, for the three directories that it names.
function(walstream_package_config file)
  configure_package_config_file(cmake/walstreamConfig.cmake.in "${file}" ${ARGN}
    PATH_VARS include_dir library_dir NO_SET_AND_CHECK_MACRO)
endfunction()

set(include_dir "${CMAKE_INSTALL_INCLUDEDIR}")
set(library_dir "${CMAKE_INSTALL_LIBDIR}")
set(configurations "")
walstream_package_config("${package_files}/walstreamConfig.cmake" INSTALL_DESTINATION "${package_dir}")

set(include_dir "${CMAKE_CURRENT_SOURCE_DIR}/include")
set(library_dir "${CMAKE_CURRENT_BINARY_DIR}/lib")
set(configurations "${CMAKE_CONFIGURATION_TYPES}")
walstream_package_config("${CMAKE_CURRENT_BINARY_DIR}/walstreamConfig.cmake"
  INSTALL_DESTINATION "${CMAKE_CURRENT_BINARY_DIR}" INSTALL_PREFIX "${CMAKE_CURRENT_BINARY_DIR}")

# Before 1.0 a minor version may break what is built against it.
write_basic_package_version_file("${package_files}/walstreamConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
configure_file("${package_files}/walstreamConfigVersion.cmake" "${CMAKE_CURRENT_BINARY_DIR}/walstreamConfigVersion.cmake" COPYONLY)

# walstream.pc finds its prefix from its own place, unless somebody's libdir is an absolute path.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(pc_prefix "${CMAKE_INSTALL_PREFIX}")
else()
  file(RELATIVE_PATH up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
  string(REGEX REPLACE "/$" "" pc_prefix "\${pcfiledir}/${up}")
endif()
foreach(name INCLUDE LIB)
  set(pc_${name} "\${prefix}/${CMAKE_INSTALL_${name}DIR}")
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${name}DIR}")
    set(pc_${name} "${CMAKE_INSTALL_${name}DIR}")
  endif()
endforeach()
# Requires.private would make pkg-config ask every user of the shared library for libpq's own .pc file, which is in libpq-dev.
set(pc_private "-lpq -lpthread -lrt -lm ${CMAKE_DL_LIBS}")
string(REGEX REPLACE " (dl)$" " -l\\1" pc_private "${pc_private}")
if(libpq_LIBDIR AND NOT libpq_LIBDIR IN_LIST CMAKE_C_IMPLICIT_LINK_DIRECTORIES)
  string(PREPEND pc_private "-L\"${libpq_LIBDIR}\" ")
endif()
configure_file(cmake/walstream.pc.in "${package_files}/walstream.pc" @ONLY)

install(FILES include/walstream.h include/walstream.hpp DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(DIRECTORY include/walstream DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.hpp")
install(FILES "${WALSTREAM_LIBRARY_DIR}/libwalstream.a" "${WALSTREAM_LIBRARY_DIR}/${WALSTREAM_SHARED_FILE}"
              "${WALSTREAM_LIBRARY_DIR}/${WALSTREAM_SONAME}" "${WALSTREAM_LIBRARY_DIR}/libwalstream.so"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(FILES "${package_files}/walstreamConfig.cmake" "${package_files}/walstreamConfigVersion.cmake" DESTINATION "${package_dir}")
install(FILES "${package_files}/walstream.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
install(FILES LICENSE-APACHE LICENSE-MIT DESTINATION "${CMAKE_INSTALL_DOCDIR}")
file(GLOB documents CONFIGURE_DEPENDS README.md docs/*.md)
install(FILES ${documents} DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY docs/man/ DESTINATION "${CMAKE_INSTALL_MANDIR}/man3" FILES_MATCHING PATTERN "*.3")

include(WalstreamPackages)
