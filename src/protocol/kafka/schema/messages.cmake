# The messages declared in schema/*.msg, as C++ below LEAT_KAFKA_GENERATED, for leat_kafka.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
file(GLOB schemas CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.msg)
set(LEAT_KAFKA_GENERATED ${PROJECT_BINARY_DIR}/generated/kafka)
set(generator ${PROJECT_SOURCE_DIR}/scripts/kafka_messages.py)
set(folder ${LEAT_KAFKA_GENERATED}/protocol/kafka/messages)
set(generated ${folder}/api_keys.h ${folder}/all.h)
foreach(schema ${schemas})
  get_filename_component(stem ${schema} NAME_WE)
  list(APPEND generated ${folder}/${stem}.h ${folder}/${stem}.cc)
endforeach()
add_custom_command(OUTPUT ${generated}
  COMMAND Python3::Interpreter -B ${generator} --out ${LEAT_KAFKA_GENERATED} ${schemas}
  DEPENDS ${generator} ${PROJECT_SOURCE_DIR}/scripts/kafka_schema.py ${schemas}
  COMMENT "Kafka messages from their schemas")
target_sources(leat_kafka PRIVATE ${generated})
target_include_directories(leat_kafka PUBLIC ${LEAT_KAFKA_GENERATED})
