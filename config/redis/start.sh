#!/bin/sh
# Starts Redis with redis.conf and users.acl of this directory. REDIS_PASSWORD_FILE names the file with the
# password of the routers; Redis gets its digest only. Arguments go to redis-server.
set -eu

here=$(dirname "$0")
password=$(tr -d '\r\n' <"$REDIS_PASSWORD_FILE")
if [ -z "$password" ]; then
  echo "start.sh: $REDIS_PASSWORD_FILE holds no password; write one into it" >&2
  exit 2
fi
digest=$(printf %s "$password" | sha256sum | cut -d ' ' -f 1)
unset password

umask 077
users=$(mktemp)
sed -e '/^#/d' -e "s/PASSWORD_SHA256/$digest/" "$here/users.acl" >"$users"
exec redis-server "$here/redis.conf" --aclfile "$users" "$@"
