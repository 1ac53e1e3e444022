#!/bin/bash
# kafka-run-class.sh CLASS ARGUMENT...
exec java ${KAFKA_HEAP_OPTS:--Xmx256M} ${KAFKA_JVM_PERFORMANCE_OPTS:--XX:+UseG1GC} \
  -Dkafka.logs.dir=/opt/kafka/logs -Dlog4j2.configurationFile="${LOG4J_FILE:-/opt/kafka/config/tools-log4j2.yaml}" \
  ${KAFKA_OPTS:-} -cp '/opt/kafka/libs/*' "$@"
