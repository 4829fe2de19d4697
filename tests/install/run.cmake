# cmake -D BUILD=… -D SOURCE=… -P run.cmake: installs into a fresh folder, builds another project
# against it and runs what comes out.
set(work "${BUILD}/install_test")
file(REMOVE_RECURSE "${work}")
foreach(command
    "${CMAKE_COMMAND};--install;${BUILD};--prefix;${work}/prefix"
    "${CMAKE_COMMAND};-G;Ninja;-S;${SOURCE}/tests/install;-B;${work}/build;-DCMAKE_PREFIX_PATH=${work}/prefix;-DCMAKE_BUILD_TYPE=Release;-DEXAMPLE=${SOURCE}/examples/quadratic/main.cc"
    "${CMAKE_COMMAND};--build;${work}/build"
    "${work}/build/uses_clavier")
  execute_process(COMMAND ${command} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${command}\n${output}")
  endif()
endforeach()
message(STATUS "${output}")
