# The packages' fields. Versions are native ones: this tree holds its packaging.
set(CPACK_GENERATOR DEB)
set(CPACK_COMPONENTS_ALL relay authority client tools)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
    GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_DEBUGINFO_PACKAGE ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "Nightjar maintainers <maintainers@nightjar.example>")
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)

# The system users are made by systemd-sysusers; the scripts call deb-systemd-helper.
set(daemon "systemd | systemd-standalone-sysusers, init-system-helpers (>= 1.54~)")

set(CPACK_DEBIAN_RELAY_PACKAGE_NAME nightjar-relay)
set(CPACK_DEBIAN_RELAY_PACKAGE_DEPENDS ${daemon})
set(CPACK_DEBIAN_RELAY_PACKAGE_SUGGESTS "unbound, prometheus")
set(CPACK_COMPONENT_RELAY_DESCRIPTION "relay of a Nightjar mix network
A mix network hides who talks to whom, and when. A relay removes one layer
of encryption from each packet, holds it for the time that the packet asks
for, and sends it on in an order that says nothing.
.
This package has the relay, its systemd units and the documents for its
operator.")
set(CPACK_DEBIAN_AUTHORITY_PACKAGE_NAME nightjar-authority)
set(CPACK_DEBIAN_AUTHORITY_PACKAGE_DEPENDS ${daemon})
set(CPACK_COMPONENT_AUTHORITY_DESCRIPTION "directory authority of a Nightjar mix network
An authority admits relays and signs the document by which relays and
clients of a Nightjar network know each other.
.
This package has the authority, as a service or for signing by hand.")
set(CPACK_DEBIAN_CLIENT_PACKAGE_NAME nightjar)
set(CPACK_DEBIAN_CLIENT_PACKAGE_DEPENDS ${daemon})
set(CPACK_DEBIAN_CLIENT_PACKAGE_SUGGESTS "torsocks")
set(CPACK_COMPONENT_CLIENT_DESCRIPTION "client of a Nightjar mix network
The client gives ordinary programs a SOCKS5 and HTTP proxy. It sends and
receives packets of one size at times that do not depend on what they do.
So an observer of the line cannot see whether somebody is active.
.
This package has the client, for one user or as a service of the machine.")
set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME nightjar-tools)
set(CPACK_DEBIAN_TOOLS_PACKAGE_DEPENDS "python3 (>= 3.11), curl, nightjar (= ${PROJECT_VERSION}), nightjar-relay (= ${PROJECT_VERSION}), nightjar-authority (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_TOOLS_PACKAGE_SUGGESTS "prometheus, prometheus-alertmanager")
set(CPACK_COMPONENT_TOOLS_DESCRIPTION "demonstration of a Nightjar mix network on one machine
nightjar-demo runs a whole network of the installed programs on loopback
addresses, downloads a file through it and compares what the client sends
with the rules. nightjar-recorder notes times and lengths of the records of
one connection.")
include(CPack)
