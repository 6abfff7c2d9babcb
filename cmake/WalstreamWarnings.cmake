# walstream_strict(TARGET…): strict C99, and every warning is an error where this project is not part of another one.

function(walstream_strict)
  foreach(target IN LISTS ARGN)
    set_target_properties(${target} PROPERTIES C_STANDARD 99 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF
                                               CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic)
    if(PROJECT_IS_TOP_LEVEL)
      target_compile_options(${target} PRIVATE -Werror)
    endif()
  endforeach()
endfunction()
