# cmake --install: the header, both libraries, and the names by which the shared one is found.

include(GNUInstallDirs)
install(FILES include/walstream.h DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(FILES "${WALSTREAM_LIBRARY_DIR}/libwalstream.a" DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(PROGRAMS "${WALSTREAM_LIBRARY_DIR}/${WALSTREAM_SHARED_FILE}" DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(FILES "${WALSTREAM_LIBRARY_DIR}/${WALSTREAM_SONAME}" "${WALSTREAM_LIBRARY_DIR}/libwalstream.so"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}")
