# The Debian packages: `cpack -G DEB` in the build folder, or `cmake --build --preset release --target package`.
set(BATON_MAINTAINER "Baton maintainers <maintainers@baton.example>" CACHE STRING
    "Whom the Debian packages name as their maintainer")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME baton)
set(CPACK_PACKAGE_CONTACT ${BATON_MAINTAINER})
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_SOURCE_DIR}/debian/strip-archives.cmake)
set(CPACK_COMPONENTS_ALL batond baton baton-dev)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)

set(CPACK_DEBIAN_BATOND_PACKAGE_NAME batond)
set(CPACK_DEBIAN_BATOND_PACKAGE_SECTION net)
set(CPACK_DEBIAN_BATOND_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_BATOND_PACKAGE_DEPENDS "adduser, init-system-helpers (>= 1.54)")
set(CPACK_DEBIAN_BATOND_PACKAGE_RECOMMENDS baton)
set(CPACK_DEBIAN_BATOND_PACKAGE_CONTROL_EXTRA
    "${CMAKE_CURRENT_SOURCE_DIR}/debian/postinst;${CMAKE_CURRENT_SOURCE_DIR}/debian/prerm"
    "${CMAKE_CURRENT_SOURCE_DIR}/debian/postrm;${CMAKE_CURRENT_SOURCE_DIR}/debian/conffiles")
set(CPACK_COMPONENT_BATOND_DESCRIPTION
"durable task broker with C++ workers
Programs hand over tasks, workers run them, and the broker sees to it that
every task ends, whatever dies on the way. This package has the broker: one
server with one data directory and one port.")

set(CPACK_DEBIAN_BATON_PACKAGE_NAME baton)
set(CPACK_DEBIAN_BATON_PACKAGE_SECTION net)
set(CPACK_DEBIAN_BATON_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_BATON_PACKAGE_SUGGESTS batond)
set(CPACK_COMPONENT_BATON_DESCRIPTION
"command line of the Baton task broker
Submits tasks to a broker, looks at tasks, workers and history, and steers
them. With completion for bash, zsh and fish.")

set(CPACK_DEBIAN_BATON-DEV_PACKAGE_NAME libbaton-dev)
set(CPACK_DEBIAN_BATON-DEV_PACKAGE_SECTION libdevel)
# What find_package(baton) looks for; gRPC's own configuration asks for its compiler plugin.
set(CPACK_DEBIAN_BATON-DEV_PACKAGE_DEPENDS
    "libgrpc++-dev (>= 1.51), libprotobuf-dev, libabsl-dev, libssl-dev, protobuf-compiler-grpc")
set(CPACK_DEBIAN_BATON-DEV_PACKAGE_RECOMMENDS "nlohmann-json3-dev")
set(CPACK_COMPONENT_BATON-DEV_DESCRIPTION
"C++ library for workers and clients of the Baton task broker
Headers and the static library baton::worker, for programs that run tasks
and for those that submit them, and the contract for other languages.")

include(CPack)
