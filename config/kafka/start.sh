#!/bin/sh
# Starts Kafka with server.properties of this directory, one node that is broker and controller. KAFKA_PASSWORD_FILE
# names the file with the password of the routers; it becomes part of the storage at the first start, salted and
# hashed, and a later one needs an empty volume. KAFKA_LIBS and KAFKA_CONFIG name other places than the image's.
set -eu

libs=${KAFKA_LIBS:-/opt/kafka/libs}
config=${KAFKA_CONFIG:-$(dirname "$0")/server.properties}
password=$(tr -d '\r\n' <"$KAFKA_PASSWORD_FILE")
if [ -z "$password" ]; then
  echo "start.sh: $KAFKA_PASSWORD_FILE holds no password; write one into it" >&2
  exit 2
fi

kafka() {
  main=$1
  shift
  java -XX:+UseSerialGC -Xms64m -Xmx320m -cp "$libs/*" "$main" "$@"
}

directory=$(sed -n 's/^log\.dirs=//p' "$config")
if [ ! -e "$directory/meta.properties" ]; then
  kafka kafka.tools.StorageTool format --standalone --config "$config" \
    --cluster-id "$(kafka kafka.tools.StorageTool random-uuid)" \
    --add-scram "SCRAM-SHA-512=[name=sluice,password=\"$password\"]"
fi
unset password
exec java -XX:+UseSerialGC -Xms64m -Xmx320m -cp "$libs/*" kafka.Kafka "$config"
