# Installing, and the Debian package: scripts/package builds it as build/release/leat_VERSION_ARCHITECTURE.deb.
# Only the program is installed, so neither step builds the tests.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)
include(GNUInstallDirs)

install(CODE "set(leat_program \"$<TARGET_FILE:leat>\")\nset(leat_source \"${PROJECT_SOURCE_DIR}\")\nset(leat_build \"${PROJECT_BINARY_DIR}\")")
install(SCRIPT ${PROJECT_SOURCE_DIR}/packaging/install.cmake)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME leat)
set(CPACK_PACKAGE_VENDOR leat)
set(CPACK_PACKAGE_CONTACT "The leat authors <leat@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "server for streams that Kafka clients speak to")
set(CPACK_PACKAGE_DESCRIPTION
    "leat keeps streams of records in one durable log and serves them to any Kafka\nclient. One program, one data folder, no other service to run beside it.")
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR})
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${PROJECT_SOURCE_DIR}/packaging/postinst ${PROJECT_SOURCE_DIR}/packaging/prerm
    ${PROJECT_SOURCE_DIR}/packaging/postrm ${PROJECT_SOURCE_DIR}/packaging/conffiles)
include(CPack)
