# Installed: the programs, the libraries with their headers, and a package for find_package(clavier).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(libraries GLOBAL PROPERTY CLAVIER_LIBRARIES)
# Parts of the trainer's program, not of the library.
list(FILTER libraries EXCLUDE REGEX "^clavier_train(er|_fuse|_data)$")
add_library(clavier_all INTERFACE)
add_library(clavier::clavier ALIAS clavier_all)
set_target_properties(clavier_all PROPERTIES EXPORT_NAME clavier)
target_link_libraries(clavier_all INTERFACE clavier_app)

# Only the built-in trainer needs LibTorch; it is a program, not part of the library.
install(TARGETS clavier_all ${libraries} EXPORT clavier ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/public_headers.txt" public_headers REGEX "^[^#]")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/public_headers.txt")
foreach(header ${public_headers})
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES "${PROJECT_SOURCE_DIR}/src/${header}" DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/clavier/${folder})
endforeach()
foreach(program clavier clavier-train)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endforeach()
install(FILES "${PROJECT_SOURCE_DIR}/python/clavier.py" DESTINATION ${CMAKE_INSTALL_DATADIR}/clavier/python)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/clavier)
install(EXPORT clavier NAMESPACE clavier:: FILE clavierTargets.cmake DESTINATION ${package_dir})
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/clavierConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/clavierConfig.cmake" INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file("${PROJECT_BINARY_DIR}/clavierConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/clavierConfig.cmake" "${PROJECT_BINARY_DIR}/clavierConfigVersion.cmake"
  DESTINATION ${package_dir})
