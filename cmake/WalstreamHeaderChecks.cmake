# include/walstream.h alone, as C99 and as C++17, without a warning and without padding that a binding in another
# language could get wrong. The include directory is given here by hand: through an imported target it would be
# a system's, whose headers are not warned about.

function(walstream_header_check language extension)
  set(source "${CMAKE_CURRENT_BINARY_DIR}/header-check.${extension}")
  file(CONFIGURE OUTPUT "${source}" CONTENT "#include <walstream.h>\n#include <walstream.h>\nextern int header_check;\n")
  add_library(header_is_${language} OBJECT "${source}")
  target_include_directories(header_is_${language} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/include")
  target_compile_options(header_is_${language} PRIVATE -Wpadded)
  walstream_strict(header_is_${language})
endfunction()

walstream_header_check(c c)
if(CMAKE_CXX_COMPILER)
  walstream_header_check(cxx cpp)
else()
  message(WARNING "no C++ compiler: the header is not checked as C++")
endif()
