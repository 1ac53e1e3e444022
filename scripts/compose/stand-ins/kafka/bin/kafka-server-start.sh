#!/bin/bash
# kafka-server-start.sh FILE
export KAFKA_HEAP_OPTS="${KAFKA_HEAP_OPTS:--Xmx1G -Xms1G}"
LOG4J_FILE=/opt/kafka/config/log4j2.yaml exec /opt/kafka/bin/kafka-run-class.sh kafka.Kafka "$@"
