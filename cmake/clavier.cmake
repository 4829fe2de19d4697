# The few rules that every target of this project follows.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_compile_options(-Wall -Wextra -Wnon-virtual-dtor $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local> -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
if(CLAVIER_WERROR)
  add_compile_options(-Werror)
  # GCC 12 warns wrongly about "text" + string() where it optimises.
  add_compile_options($<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Release>>:-Wno-error=restrict>)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL Clang)
  add_compile_options("SHELL:-include ${PROJECT_SOURCE_DIR}/cmake/clang14.h")
endif()
# GCC 12 and 13 warn wrongly about optional and variant members at -O2 and up.
add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
if(CLAVIER_SANITIZE)
  add_compile_options(-fsanitize=${CLAVIER_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  # These four cost a third of the compile time; what they would find is a crash anyway.
  add_compile_options(-fno-sanitize=vptr,alignment,null,object-size)
  add_link_options(-fsanitize=${CLAVIER_SANITIZE})
endif()

if(CLAVIER_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# <clavier/clavier.h> resolves in the build tree as it does once installed.
file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/include")
file(CREATE_LINK "${PROJECT_SOURCE_DIR}/src" "${PROJECT_BINARY_DIR}/include/clavier" SYMBOLIC)

# clavier_library(NAME SOURCES a.cc … DEPS clavier::base …)
function(clavier_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(clavier_${name} STATIC ${arg_SOURCES})
  add_library(clavier::${name} ALIAS clavier_${name})
  set_target_properties(clavier_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(clavier_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
    $<INSTALL_INTERFACE:include>
    $<INSTALL_INTERFACE:include/clavier>)
  # For those who use the installed library: our headers need it.
  target_compile_features(clavier_${name} PUBLIC cxx_std_20)
  target_link_libraries(clavier_${name} PUBLIC ${arg_DEPS} PRIVATE ${arg_PRIVATE_DEPS})
  set_property(GLOBAL APPEND PROPERTY CLAVIER_LIBRARIES clavier_${name})
endfunction()

# clavier_test(NAME SOURCES x_test.cc … DEPS clavier::study … [LABELS slow …])
# One program per folder; ctest sees every test in it.
function(clavier_test name)
  if(NOT CLAVIER_TESTS)
    return()
  endif()
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS;LABELS" ${ARGN})
  add_executable(${name}_test ${arg_SOURCES})
  target_link_libraries(${name}_test PRIVATE ${arg_DEPS} GTest::gtest GTest::gtest_main)
  target_include_directories(${name}_test PRIVATE ${PROJECT_SOURCE_DIR})  # tests/support
  # What is tested is optimised; the tests themselves need not be, and compile faster.
  target_compile_options(${name}_test PRIVATE $<$<CONFIG:Release>:-O1>)
  if(CLAVIER_SANITIZE)
    set(limit 400)  # neither optimised nor alone on the machine
  else()
    set(limit 120)
  endif()
  gtest_discover_tests(${name}_test DISCOVERY_MODE PRE_TEST
    PROPERTIES TIMEOUT ${limit} LABELS "${arg_LABELS}")
endfunction()

