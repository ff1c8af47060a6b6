# What the Debian packages hold (docs/decisions/0052-debian-packages.md). deploy/package builds them.
#   nightjar-relay, nightjar-authority, nightjar (the client), nightjar-tools (the demo, the recorder)
# and for each of those with a program a package -dbgsym with its debug information.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
find_program(GZIP gzip REQUIRED)
set(NIGHTJAR_PACKAGING ${CMAKE_CURRENT_LIST_DIR})
set(made ${CMAKE_BINARY_DIR}/packaging)

execute_process(COMMAND ${Python3_EXECUTABLE} ${NIGHTJAR_PACKAGING}/units.py ${made}/units
    COMMAND_ERROR_IS_FATAL ANY)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${NIGHTJAR_PACKAGING}/units.py
    ${CMAKE_SOURCE_DIR}/deploy/systemd/hardening.conf ${CMAKE_SOURCE_DIR}/deploy/systemd/nightjar-relay.service.in
    ${CMAKE_SOURCE_DIR}/deploy/systemd/nightjar-authority.service.in ${CMAKE_SOURCE_DIR}/deploy/systemd/nightjar.service.in
    ${CMAKE_SOURCE_DIR}/deploy/systemd/nightjar-relay.socket.in)

# compressed(OUT IN): the file, compressed without a name or a time.
function(compressed out in)
    add_custom_command(OUTPUT ${out} DEPENDS ${in} VERBATIM
        COMMAND sh -c "\"$1\" -9nc \"$2\" > \"$3\"" sh ${GZIP} ${in} ${out})
endfunction()

# The changelog of the packages: Debian wants one in its own form.
# From SOURCE_DATE_EPOCH, which deploy/package sets.
string(TIMESTAMP CHANGELOG_DATE "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file(${NIGHTJAR_PACKAGING}/changelog.in ${made}/changelog @ONLY)
compressed(${made}/changelog.gz ${made}/changelog)
set(pages ${made}/changelog.gz)

# nightjar_package(COMPONENT PACKAGE): its documents and, if it has a daemon, its scripts.
function(nightjar_package component package)
    install(FILES ${made}/changelog.gz ${NIGHTJAR_PACKAGING}/copyright
        DESTINATION share/doc/${package} COMPONENT ${component})
endfunction()

# nightjar_completions(COMPONENT PROGRAM): what commands.py has made for the shells.
function(nightjar_completions component program)
    set(out ${made}/commands)
    install(FILES ${out}/${program}.bash RENAME ${program} DESTINATION share/bash-completion/completions
        COMPONENT ${component})
    install(FILES ${out}/_${program} DESTINATION share/zsh/vendor-completions COMPONENT ${component})
    install(FILES ${out}/${program}.fish DESTINATION share/fish/vendor_completions.d COMPONENT ${component})
endfunction()

# nightjar_program(COMPONENT TARGET SECTION): a program, its manual page and completions.
function(nightjar_program component target section)
    set(out ${made}/commands)
    set(page ${out}/${target}.${section})
    add_custom_command(OUTPUT ${page} ${out}/${target}.bash ${out}/_${target} ${out}/${target}.fish VERBATIM
        COMMAND ${Python3_EXECUTABLE} ${NIGHTJAR_PACKAGING}/commands.py $<TARGET_FILE:${target}> ${out} ${PROJECT_VERSION}
        DEPENDS ${target} ${NIGHTJAR_PACKAGING}/commands.py ${NIGHTJAR_PACKAGING}/pages/${target}.${section})
    compressed(${page}.gz ${page})
    set(pages ${pages} ${page}.gz PARENT_SCOPE)
    install(TARGETS ${target} RUNTIME DESTINATION bin COMPONENT ${component})
    install(FILES ${page}.gz DESTINATION share/man/man${section} COMPONENT ${component})
    nightjar_completions(${component} ${target})
endfunction()

# nightjar_daemon(COMPONENT NAME UNIT...): the system user NAME, its folder /var/lib/NAME and its units.
function(nightjar_daemon component name)
    set(NAME ${name})
    set(HOME_OF /var/lib/${name})
    set(SERVICES ${name}.service)
    set(SOCKETS)
    set(FOLDERS "d ${HOME_OF} 0700 ${name} ${name} -")
    # What a purge removes. Only relays have instances: `nightjar-*` would be other packages' folders.
    set(PURGED "/var/lib/${name} /run/${name}")
    if(name STREQUAL nightjar-relay)
        set(SOCKETS "nightjar-relay.socket 'nightjar-relay@*.socket'")
        string(APPEND SERVICES " 'nightjar-relay@*.service'")
        string(APPEND FOLDERS "\nd /run/${name} 0700 ${name} ${name} -")
        # deb-systemd-helper does not know which instances were enabled.
        string(APPEND PURGED " /var/lib/${name}-* /run/${name}-* /etc/systemd/system/*.wants/${name}@*.service"
            " /etc/systemd/system/*.wants/${name}@*.socket")
    endif()
    string(REPLACE ";" " " UNITS "${ARGN}")
    configure_file(${NIGHTJAR_PACKAGING}/sysusers.conf.in ${made}/${name}/sysusers.conf @ONLY)
    configure_file(${NIGHTJAR_PACKAGING}/tmpfiles.conf.in ${made}/${name}/tmpfiles.conf @ONLY)
    # AppArmor reads profiles from this folder alone. So dpkg asks if the operator has changed one; local/NAME is for that.
    install(FILES ${CMAKE_SOURCE_DIR}/deploy/apparmor/${name} DESTINATION /etc/apparmor.d COMPONENT ${component})
    set(scripts ${made}/${name}/conffiles)
    file(WRITE ${made}/${name}/conffiles "/etc/apparmor.d/${name}\n")
    foreach(script postinst prerm postrm)
        configure_file(${NIGHTJAR_PACKAGING}/scripts/${script}.in ${made}/${name}/${script} @ONLY
            FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
        list(APPEND scripts ${made}/${name}/${script})
    endforeach()
    foreach(unit ${ARGN})
        install(FILES ${made}/units/${unit} DESTINATION lib/systemd/system COMPONENT ${component})
    endforeach()
    install(FILES ${made}/${name}/sysusers.conf RENAME ${name}.conf DESTINATION lib/sysusers.d COMPONENT ${component})
    install(FILES ${made}/${name}/tmpfiles.conf RENAME ${name}.conf DESTINATION lib/tmpfiles.d COMPONENT ${component})
    string(TOUPPER ${component} COMPONENT_UPPER)
    set(CPACK_DEBIAN_${COMPONENT_UPPER}_PACKAGE_CONTROL_EXTRA "${scripts}" PARENT_SCOPE)
    set(CPACK_DEBIAN_${COMPONENT_UPPER}_PACKAGE_CONTROL_STRICT_PERMISSION ON PARENT_SCOPE)
endfunction()

nightjar_program(relay nightjar-relay 8)
nightjar_program(authority nightjar-authority 8)
nightjar_program(client nightjar 1)
nightjar_daemon(relay nightjar-relay nightjar-relay.service nightjar-relay@.service
    nightjar-relay.socket nightjar-relay@.socket)
nightjar_daemon(authority nightjar-authority nightjar-authority.service)
nightjar_daemon(client nightjar nightjar.service)
nightjar_package(relay nightjar-relay)
nightjar_package(authority nightjar-authority)
nightjar_package(client nightjar)
nightjar_package(tools nightjar-tools)

# A package's documents: what its people need to run it.
execute_process(COMMAND ${Python3_EXECUTABLE} ${NIGHTJAR_PACKAGING}/documents.py ${made}/documents
    COMMAND_ERROR_IS_FATAL ANY)
file(GLOB documents CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/docs/*.md)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${NIGHTJAR_PACKAGING}/documents.py ${documents})
install(DIRECTORY ${made}/documents/nightjar-relay/ DESTINATION share/doc/nightjar-relay COMPONENT relay)
install(DIRECTORY ${made}/documents/nightjar-authority/ DESTINATION share/doc/nightjar-authority COMPONENT authority)
install(DIRECTORY ${made}/documents/nightjar/ DESTINATION share/doc/nightjar COMPONENT client)

# Alerts, boards and a notice page for operators; the demo takes its alerts from here too.
install(DIRECTORY ${CMAKE_SOURCE_DIR}/deploy/prometheus ${CMAKE_SOURCE_DIR}/deploy/alertmanager
    ${CMAKE_SOURCE_DIR}/deploy/grafana DESTINATION share/nightjar COMPONENT relay)
install(FILES ${CMAKE_SOURCE_DIR}/deploy/exit-notice.html DESTINATION share/nightjar COMPONENT relay)

# The demo, which runs what the other packages installed, and the recorder.
install(TARGETS nightjar-recorder RUNTIME DESTINATION bin COMPONENT tools)
install(PROGRAMS ${NIGHTJAR_PACKAGING}/nightjar-demo DESTINATION bin COMPONENT tools)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/deploy/nightjar_demo DESTINATION share/nightjar COMPONENT tools
    FILES_MATCHING PATTERN "*.py" PATTERN "*.html" PATTERN __pycache__ EXCLUDE)
set(out ${made}/commands)
file(GLOB demo CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/deploy/nightjar_demo/*.py)
add_custom_command(OUTPUT ${out}/nightjar-demo.1 ${out}/nightjar-demo.bash ${out}/_nightjar-demo ${out}/nightjar-demo.fish
    COMMAND ${Python3_EXECUTABLE} -B ${NIGHTJAR_PACKAGING}/commands.py ${CMAKE_SOURCE_DIR}/deploy/nightjar_demo ${out}
        ${PROJECT_VERSION}
    DEPENDS ${NIGHTJAR_PACKAGING}/commands.py ${NIGHTJAR_PACKAGING}/pages/nightjar-demo.1 ${demo} VERBATIM)
compressed(${out}/nightjar-demo.1.gz ${out}/nightjar-demo.1)
compressed(${out}/nightjar-recorder.1.gz ${NIGHTJAR_PACKAGING}/pages/nightjar-recorder.1)
list(APPEND pages ${out}/nightjar-demo.1.gz ${out}/nightjar-recorder.1.gz)
install(FILES ${out}/nightjar-demo.1.gz ${out}/nightjar-recorder.1.gz DESTINATION share/man/man1 COMPONENT tools)
nightjar_completions(tools nightjar-demo)
add_custom_target(nightjar_packaging ALL DEPENDS ${pages})

include(${CMAKE_CURRENT_LIST_DIR}/cpack.cmake)
