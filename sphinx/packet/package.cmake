# The packet library as a CMake package of its own: find_package(nightjar) and nightjar::packet.
#   cmake --install BUILD --prefix PREFIX --component packet
include(CMakePackageConfigHelpers)

set_target_properties(nightjar_flags PROPERTIES EXPORT_NAME flags)
set_target_properties(nightjar_base PROPERTIES EXPORT_NAME base)
set_target_properties(nightjar_crypto PROPERTIES EXPORT_NAME crypto)
set_target_properties(nightjar_packet PROPERTIES EXPORT_NAME packet)
install(TARGETS nightjar_flags nightjar_base nightjar_crypto nightjar_packet EXPORT nightjar-targets
    ARCHIVE DESTINATION lib/nightjar COMPONENT packet
    FILE_SET HEADERS DESTINATION include/nightjar COMPONENT packet)
install(EXPORT nightjar-targets NAMESPACE nightjar:: DESTINATION lib/cmake/nightjar COMPONENT packet)

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/nightjar-config.cmake.in
    ${CMAKE_BINARY_DIR}/nightjar-config.cmake INSTALL_DESTINATION lib/cmake/nightjar)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/nightjar-config-version.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/nightjar-config.cmake
    ${CMAKE_BINARY_DIR}/nightjar-config-version.cmake
    DESTINATION lib/cmake/nightjar COMPONENT packet)
