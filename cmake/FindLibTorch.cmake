# Finds the LibTorch inside a `torch` Python wheel (or an unpacked LibTorch) without its own CMake
# files, which add foreign run paths and need a CUDA toolkit where the wheel is a CUDA build.
#
# Looked for in LIBTORCH_ROOT (variable, then environment), the python of $CLAVIER_VENV, the one of
# the active environment, and ~/.cache/clavier/venv. Defines the target LibTorch::LibTorch,
# LIBTORCH_ROOT and LIBTORCH_VERSION.

function(_libtorch_from_python python out)
  set(${out} "" PARENT_SCOPE)
  if(NOT python OR NOT EXISTS "${python}")
    return()
  endif()
  execute_process(
    COMMAND "${python}" -c
      "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')"
    OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  set(${out} "${found}" PARENT_SCOPE)
endfunction()

if(NOT LIBTORCH_ROOT)
  set(_candidates "$ENV{LIBTORCH_ROOT}")
  foreach(_venv "$ENV{CLAVIER_VENV}" "$ENV{VIRTUAL_ENV}" "$ENV{HOME}/.cache/clavier/venv")
    _libtorch_from_python("${_venv}/bin/python" _found)
    list(APPEND _candidates "${_found}")
  endforeach()
  find_program(_libtorch_python NAMES python3 NO_CACHE)
  _libtorch_from_python("${_libtorch_python}" _found)
  list(APPEND _candidates "${_found}")
  foreach(_candidate ${_candidates})
    if(EXISTS "${_candidate}/include/ATen/ATen.h")
      set(LIBTORCH_ROOT "${_candidate}" CACHE PATH "Folder with LibTorch's include and lib")
      break()
    endif()
  endforeach()
endif()

find_path(LIBTORCH_INCLUDE_DIR ATen/ATen.h PATHS "${LIBTORCH_ROOT}/include" NO_DEFAULT_PATH)
find_library(LIBTORCH_CPU_LIBRARY torch_cpu PATHS "${LIBTORCH_ROOT}/lib" NO_DEFAULT_PATH)
find_library(LIBTORCH_C10_LIBRARY c10 PATHS "${LIBTORCH_ROOT}/lib" NO_DEFAULT_PATH)
find_library(LIBTORCH_CUDA_LIBRARY torch_cuda PATHS "${LIBTORCH_ROOT}/lib" NO_DEFAULT_PATH)
mark_as_advanced(LIBTORCH_INCLUDE_DIR LIBTORCH_CPU_LIBRARY LIBTORCH_C10_LIBRARY
                 LIBTORCH_CUDA_LIBRARY)

if(EXISTS "${LIBTORCH_INCLUDE_DIR}/torch/headeronly/version.h")
  file(STRINGS "${LIBTORCH_INCLUDE_DIR}/torch/headeronly/version.h" _version
       REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
elseif(EXISTS "${LIBTORCH_INCLUDE_DIR}/torch/csrc/api/include/torch/version.h")
  file(STRINGS "${LIBTORCH_INCLUDE_DIR}/torch/csrc/api/include/torch/version.h" _version
       REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
endif()
string(REGEX MATCHALL "[0-9]+" _numbers "${_version}")
list(JOIN _numbers "." LIBTORCH_VERSION)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LIBTORCH_CPU_LIBRARY LIBTORCH_C10_LIBRARY LIBTORCH_INCLUDE_DIR
  VERSION_VAR LIBTORCH_VERSION
  REASON_FAILURE_MESSAGE
    "install it with `pip install --no-deps torch` and set LIBTORCH_ROOT to its `torch` folder")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  # After the system's folders: the wheel brings headers of libraries it does not export (fmt,
  # nlohmann), which must not stand before those that we link.
  target_compile_options(LibTorch::LibTorch INTERFACE
    "SHELL:-idirafter ${LIBTORCH_INCLUDE_DIR}"
    "SHELL:-idirafter ${LIBTORCH_INCLUDE_DIR}/torch/csrc/api/include")
  target_link_libraries(LibTorch::LibTorch INTERFACE
    "${LIBTORCH_CPU_LIBRARY}" "${LIBTORCH_C10_LIBRARY}")
  if(LIBTORCH_CUDA_LIBRARY)
    # Its operators register themselves when the library is loaded; nothing refers to it by name.
    target_link_libraries(LibTorch::LibTorch INTERFACE
      "-Wl,--no-as-needed,${LIBTORCH_CUDA_LIBRARY},--as-needed")
  endif()
endif()
