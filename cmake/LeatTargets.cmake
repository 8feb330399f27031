# How every target of leat is compiled: flags in one place, a function for a module and one for its tests.

set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g")
set(CMAKE_CXX_FLAGS_SANITIZE "-O1 -g1 -fno-omit-frame-pointer")

add_compile_options(-fPIC -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                    -Wimplicit-fallthrough -Wno-missing-field-initializers -Wno-missing-designated-field-initializers
                    -Wno-unused-command-line-argument -Xclang -fno-pch-timestamp)
add_link_options(-fuse-ld=lld)
if(LEAT_SANITIZE)
  add_compile_options(-fsanitize=${LEAT_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${LEAT_SANITIZE})
endif()
if(LEAT_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# leat_module(name [EXCLUDE folders...] [LINKS public...] [PRIVATE private...]): the library leat_<name> of every .cc below
# this folder, but for those below the excluded ones.
# Its headers are included as "folder/file.h" from src/. base builds the one precompiled header, the others reuse it.
function(leat_module name)
  cmake_parse_arguments(arg "" "" "EXCLUDE;LINKS;PRIVATE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cc)
  foreach(folder ${arg_EXCLUDE})
    list(FILTER sources EXCLUDE REGEX "^${CMAKE_CURRENT_SOURCE_DIR}/${folder}/")
  endforeach()
  add_library(leat_${name} STATIC ${sources})
  target_include_directories(leat_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(leat_${name} PUBLIC ${arg_LINKS} PRIVATE ${arg_PRIVATE})
  if(name STREQUAL "base")
    target_precompile_headers(leat_base PRIVATE ${PROJECT_SOURCE_DIR}/src/base/pch.h)
  else()
    target_precompile_headers(leat_${name} REUSE_FROM leat_base)
  endif()
endfunction()

# leat_test(name LINKS libraries...): the GoogleTest program test_<name> of every .cc in this folder.
function(leat_test name)
  cmake_parse_arguments(arg "" "" "LINKS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cc)
  add_executable(test_${name} ${sources})
  target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(test_${name} PRIVATE ${arg_LINKS} GTest::gmock GTest::gtest GTest::gtest_main)
  target_precompile_headers(test_${name} REUSE_FROM leat_base)
  add_test(NAME unit.${name} COMMAND test_${name})
  set_tests_properties(unit.${name} PROPERTIES TIMEOUT 600)
endfunction()
