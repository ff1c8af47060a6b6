// doctest's own code. Every test program links it, so it is compiled once.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
