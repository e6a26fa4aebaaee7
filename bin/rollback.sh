#!/bin/sh
# Takes a model version out of traffic on every route, with curl alone: for a host without Node.
# The same call, token and exit codes as `sluice rollback --model-version VERSION`.
set -u

usage() {
  cat >&2 <<'TEXT'
bin/rollback.sh MODEL_VERSION [REASON]

  bin/rollback.sh 4
  SLUICE_ADMIN=http://127.0.0.1:9911 bin/rollback.sh 4 "scores look wrong"

Every challenger with that model version goes to 0 % now and stays there until it is cleared.
Prints the answer of the admin API, one element for each route. Repeating it is safe.

  SLUICE_ADMIN       the admin API (http://127.0.0.1:9911)
  SLUICE_TOKEN_FILE  a file with the token; else
  SLUICE_TOKEN       the token; else operator.token in
  SLUICE_STATE       the state directory of a local router (./state)

Exit codes: 0 done, 1 no route gives it traffic, or refused, 2 wrong usage,
3 no answer in time (it may have been done), 4 unreachable or not allowed.
TEXT
  exit 2
}

say() { printf 'rollback.sh: %s\n' "$1" >&2; }

# A JSON string of $1. Control characters have no place in a version or a reason.
json() {
  printf '"%s"' "$(printf '%s' "$1" | tr '\000-\037\177' ' ' | sed 's/\\/\\\\/g; s/"/\\"/g')"
}

[ $# -ge 1 ] && [ $# -le 2 ] && [ -n "$1" ] || usage
case $1 in -h | --help) usage ;; -*) usage ;; esac
command -v curl >/dev/null 2>&1 || { say 'curl is needed and not on the PATH'; exit 2; }

admin=${SLUICE_ADMIN:-http://127.0.0.1:9911}
if [ -n "${SLUICE_TOKEN_FILE:-}" ]; then
  file=$SLUICE_TOKEN_FILE
elif [ -n "${SLUICE_TOKEN:-}" ]; then
  file=
else
  file=${SLUICE_STATE:-./state}/operator.token
fi
if [ -n "$file" ]; then
  token=$(cat "$file" 2>/dev/null) || { say "no token: $file cannot be read"; exit 4; }
else
  token=$SLUICE_TOKEN
fi
case $token in
  '' | *[!A-Za-z0-9._~+/=-]*) say 'what was found is no token'; exit 4 ;;
esac

body="{\"modelVersion\":$(json "$1")"
[ $# -eq 2 ] && body="$body,\"reason\":$(json "$2")"
body="$body}"

# The token goes in by stdin: arguments can be read by every user of the host.
answer=$(
  printf 'header = "Authorization: Bearer %s"\n' "$token" |
    curl -q --config - --silent --show-error --noproxy '*' --max-time 10 \
      --request POST --header 'Content-Type: application/json' --data-raw "$body" \
      --write-out '\n%{http_code}' "${admin%/}/admin/v1/rollback"
)
case $? in
  0) ;;
  28 | 52 | 55 | 56) say 'no answer; it may have been done: look before you repeat it'; exit 3 ;;
  *) say "the admin API at $admin cannot be reached"; exit 4 ;;
esac
status=$(printf '%s' "$answer" | tail -n 1)
answer=$(printf '%s' "$answer" | sed '$d')
printf '%s\n' "$answer"

case $status in
  20[02])
    [ "$answer" != '[]' ] || { say "no route gives traffic to model version $1"; exit 1; }
    [ "$status" = 200 ] || say 'in force and not stored yet; storing it is tried until it succeeds'
    say "model version $1 is out of traffic"
    ;;
  401 | 403 | 421 | 429) exit 4 ;;
  503) exit 3 ;;
  *) exit 1 ;;
esac
