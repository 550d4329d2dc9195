# madang_folder(<folder> DEPENDS ...): the library madang_<folder> from src/<folder>/*.cpp, and, when
# there are *_test.cpp beside them, the test program <folder>_test.
function(madang_folder folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPENDS")
  string(REPLACE "/" "_" name ${folder})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${folder}/*.cpp)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "_(test|bench)\\.cpp$")
  if(sources)
    add_library(madang_${name} STATIC ${sources})
    target_link_libraries(madang_${name} PUBLIC ${arg_DEPENDS} Threads::Threads)
    target_include_directories(madang_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  else()
    add_library(madang_${name} INTERFACE)
    target_link_libraries(madang_${name} INTERFACE ${arg_DEPENDS})
    target_include_directories(madang_${name} INTERFACE ${CMAKE_SOURCE_DIR}/src)
  endif()
  madang_schema(${folder} ${name})
  if(tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE madang_${name} GTest::gmock_main)
    add_test(NAME ${name} COMMAND ${name}_test)
    set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 300)
  endif()
endfunction()

# A module's schema/NNNN_name.sql files become one table in the binary: <name>_schema.
function(madang_schema folder name)
  file(GLOB migrations CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${folder}/schema/*.sql)
  if(NOT migrations)
    return()
  endif()
  list(SORT migrations)
  get_filename_component(module ${folder} NAME)
  set(text "// Generated from src/${folder}/schema.\n#include \"platform/db/migrations.hpp\"\n\nnamespace madang::db {\nextern const ModuleSchema ${module}_schema;\nconst ModuleSchema ${module}_schema{\"${module}\", {\n")
  foreach(migration ${migrations})
    get_filename_component(label ${migration} NAME_WE)
    file(READ ${migration} body)
    string(APPEND text "  {\"${label}\", R\"sql(${body})sql\"},\n")
    set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${migration})
  endforeach()
  string(APPEND text "}};\n}  // namespace madang::db\n")
  file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/schema/${module}_schema.cpp CONTENT "${text}")
  target_sources(madang_${name} PRIVATE ${CMAKE_BINARY_DIR}/schema/${module}_schema.cpp)
endfunction()

# The page, built by Vite into web/dist and carried inside the binary.
function(madang_web_assets target)
  set(web ${CMAKE_SOURCE_DIR}/web)
  set(out ${CMAKE_BINARY_DIR}/web)
  file(GLOB_RECURSE inputs CONFIGURE_DEPENDS ${web}/src/* ${web}/public/* ${web}/docs/* ${web}/index.html)
  list(APPEND inputs ${web}/package.json ${web}/package-lock.json ${web}/vite.config.ts ${web}/tsconfig.json ${web}/embed.mjs)
  add_custom_command(
    OUTPUT ${out}/web_assets.cpp ${out}/web_assets.S
    COMMAND ${CMAKE_SOURCE_DIR}/script/build --page ${out}
    DEPENDS ${inputs}
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    COMMENT "Building the page"
    VERBATIM)
  target_sources(${target} PRIVATE ${out}/web_assets.cpp ${out}/web_assets.S)
endfunction()
