# What find_package(baton) finds: baton::worker with the libraries that it is made of, baton::testing, and the contract
# for other languages.
include(CMakePackageConfigHelpers)

set(PACKAGE_FOLDER ${CMAKE_INSTALL_LIBDIR}/cmake/baton)
foreach(name worker worker_logic testing proto grpc)
  set_target_properties(baton_${name} PROPERTIES EXPORT_NAME ${name})
endforeach()
install(TARGETS baton_worker baton_worker_logic baton_testing baton_proto baton_grpc EXPORT baton_targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT baton-dev)
install(EXPORT baton_targets FILE batonTargets.cmake NAMESPACE baton:: DESTINATION ${PACKAGE_FOLDER}
  COMPONENT baton-dev)
install(DIRECTORY include/baton DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  COMPONENT baton-dev FILES_MATCHING PATTERN "*.h")
install(DIRECTORY ${CMAKE_SOURCE_DIR}/proto/baton/v1 DESTINATION ${CMAKE_INSTALL_DATADIR}/baton/proto/baton
  COMPONENT baton-dev FILES_MATCHING PATTERN "*.proto")

configure_package_config_file(batonConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/batonConfig.cmake
  INSTALL_DESTINATION ${PACKAGE_FOLDER} NO_SET_AND_CHECK_MACRO)
# Before 1.0 a new minor version may change what programs are compiled against.
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/batonConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/batonConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/batonConfigVersion.cmake
  DESTINATION ${PACKAGE_FOLDER} COMPONENT baton-dev)
