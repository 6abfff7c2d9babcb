# The library: cargo builds it whenever its sources changed, into the build directory, so that the source tree may
# be read-only; its two forms become imported targets.
#
# CARGO_NET_OFFLINE, in the environment or as a CMake variable, keeps cargo from the network.
# WALSTREAM_CARGO_TARGET_DIR lets CMake share what cargo has built elsewhere.

find_program(CARGO_EXECUTABLE cargo HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin")
if(NOT CARGO_EXECUTABLE)
  message(FATAL_ERROR "cargo was not found: install Rust as https://rustup.rs says, or set CARGO_EXECUTABLE")
endif()
find_package(Threads REQUIRED)

# The libpq that the static library is to be linked with, and the tests; also by a project around this one.
find_package(PkgConfig)
if(PkgConfig_FOUND)
  pkg_check_modules(libpq IMPORTED_TARGET GLOBAL libpq)
endif()
if(TARGET PkgConfig::libpq)
  add_library(walstream_libpq ALIAS PkgConfig::libpq)
else()
  find_library(WALSTREAM_LIBPQ_LIBRARY pq)
  find_path(WALSTREAM_LIBPQ_INCLUDE libpq-fe.h PATH_SUFFIXES postgresql)
  if(NOT WALSTREAM_LIBPQ_LIBRARY OR NOT WALSTREAM_LIBPQ_INCLUDE)
    message(FATAL_ERROR "libpq was not found: install libpq-dev and pkg-config, or set CMAKE_PREFIX_PATH")
  endif()
  add_library(walstream_libpq INTERFACE IMPORTED GLOBAL)
  target_link_libraries(walstream_libpq INTERFACE "${WALSTREAM_LIBPQ_LIBRARY}")
  target_include_directories(walstream_libpq INTERFACE "${WALSTREAM_LIBPQ_INCLUDE}")
endif()

set(WALSTREAM_CARGO_TARGET_DIR "${CMAKE_CURRENT_BINARY_DIR}/cargo" CACHE PATH "Where cargo builds")
set(debug "$<CONFIG:Debug>")
set(cargo_output "${WALSTREAM_CARGO_TARGET_DIR}/$<IF:${debug},debug,release>")
# One directory per configuration, holding the names that programs are linked and run with.
set(WALSTREAM_LIBRARY_DIR "${CMAKE_CURRENT_BINARY_DIR}/lib")
get_property(multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(multi_config)
  string(APPEND WALSTREAM_LIBRARY_DIR "/$<CONFIG>")
endif()
set(WALSTREAM_SHARED_FILE libwalstream.so.${PROJECT_VERSION})
set(WALSTREAM_SONAME libwalstream.so.${PROJECT_VERSION_MAJOR})

set(cargo_environment "CARGO_TARGET_DIR=${WALSTREAM_CARGO_TARGET_DIR}")
if(CARGO_NET_OFFLINE)
  list(APPEND cargo_environment "CARGO_NET_OFFLINE=true")
endif()

# Cargo knows best what is to be done, so it is asked each time. --locked: it must not write Cargo.lock. It looks for .cargo/
# where it is called.
add_custom_target(
  walstream_cargo ALL
  COMMAND "${CMAKE_COMMAND}" -E env ${cargo_environment}
          "${CARGO_EXECUTABLE}" build --locked --lib "$<IF:${debug},--profile=dev,--release>"
          --manifest-path "${CMAKE_CURRENT_SOURCE_DIR}/Cargo.toml"
  COMMAND "${CMAKE_COMMAND}" -E make_directory "${WALSTREAM_LIBRARY_DIR}"
  COMMAND "${CMAKE_CURRENT_SOURCE_DIR}/scripts/localize" "${cargo_output}/libwalstream.a" "${WALSTREAM_LIBRARY_DIR}/libwalstream.a"
  COMMAND "${CMAKE_COMMAND}" -E copy_if_different "${cargo_output}/libwalstream.so" "${WALSTREAM_LIBRARY_DIR}/${WALSTREAM_SHARED_FILE}"
  COMMAND "${CMAKE_COMMAND}" -E create_symlink "${WALSTREAM_SHARED_FILE}" "${WALSTREAM_LIBRARY_DIR}/${WALSTREAM_SONAME}"
  COMMAND "${CMAKE_COMMAND}" -E create_symlink "${WALSTREAM_SONAME}" "${WALSTREAM_LIBRARY_DIR}/libwalstream.so"
  BYPRODUCTS "${WALSTREAM_LIBRARY_DIR}/libwalstream.a" "${WALSTREAM_LIBRARY_DIR}/libwalstream.so"
             "${WALSTREAM_LIBRARY_DIR}/${WALSTREAM_SONAME}" "${WALSTREAM_LIBRARY_DIR}/${WALSTREAM_SHARED_FILE}"
  WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}"
  COMMENT "Building libwalstream with cargo"
  USES_TERMINAL VERBATIM)

function(walstream_imported name type file)
  add_library(walstream_${name} ${type} IMPORTED GLOBAL)
  add_library(walstream::${name} ALIAS walstream_${name})
  add_dependencies(walstream_${name} walstream_cargo)
  target_include_directories(walstream_${name} INTERFACE "${CMAKE_CURRENT_SOURCE_DIR}/include")
  set(configurations ${CMAKE_CONFIGURATION_TYPES})
  if(NOT configurations)
    set_target_properties(walstream_${name} PROPERTIES IMPORTED_LOCATION "${WALSTREAM_LIBRARY_DIR}/${file}")
  endif()
  foreach(configuration IN LISTS configurations)
    string(TOUPPER ${configuration} upper)
    string(REPLACE "$<CONFIG>" ${configuration} directory "${WALSTREAM_LIBRARY_DIR}")
    set_target_properties(walstream_${name} PROPERTIES IMPORTED_LOCATION_${upper} "${directory}/${file}")
  endforeach()
endfunction()

walstream_imported(walstream SHARED ${WALSTREAM_SHARED_FILE})
set_target_properties(walstream_walstream PROPERTIES IMPORTED_SONAME ${WALSTREAM_SONAME})

# What `cargo rustc -- --print native-static-libs` lists, and libpq.
walstream_imported(static STATIC libwalstream.a)
target_link_libraries(walstream_static INTERFACE walstream_libpq Threads::Threads rt m ${CMAKE_DL_LIBS})
