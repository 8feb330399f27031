# The vectors that schema_vectors_test.cc reads, written by the schemas' Python codec, and the comparison with Kafka.
set(vectors ${CMAKE_CURRENT_BINARY_DIR}/kafka_vectors.bin)
file(GLOB kafka_schemas CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/protocol/kafka/schema/*.msg)
add_custom_command(OUTPUT ${vectors}
  COMMAND Python3::Interpreter -B ${CMAKE_CURRENT_LIST_DIR}/schema_vectors.py --out ${vectors}
  DEPENDS ${CMAKE_CURRENT_LIST_DIR}/schema_vectors.py ${PROJECT_SOURCE_DIR}/scripts/kafka_schema.py
          ${PROJECT_SOURCE_DIR}/tests/clients/schema_client/codec.py ${kafka_schemas}
  COMMENT "Encoded Kafka messages for the tests")
target_sources(test_kafka PRIVATE ${vectors})
target_compile_definitions(test_kafka PRIVATE LEAT_KAFKA_VECTORS="${vectors}")

add_test(NAME kafka.schema COMMAND Python3::Interpreter -B ${CMAKE_CURRENT_LIST_DIR}/schema_compare.py ${kafka_schemas})
set_tests_properties(kafka.schema PROPERTIES SKIP_RETURN_CODE 77)
