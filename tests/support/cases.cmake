# Registers the cases of one doctest program with ctest. ctest reads this when it starts.
# Takes: program (its path), target (its name), output (a file to write).
get_filename_component(support ${CMAKE_CURRENT_LIST_FILE} DIRECTORY)
if(NOT EXISTS ${program})
    # A test that fails, so that cases of a program that is not built are not left out silently.
    add_test("${target} is not built" ${program})
    return()
endif()
execute_process(COMMAND python3 ${support}/cases.py ${program}
    OUTPUT_FILE ${output} RESULT_VARIABLE failed)
if(failed)
    add_test("${target} cannot list its cases" ${program} --list-test-cases)
    return()
endif()
include(${output})
