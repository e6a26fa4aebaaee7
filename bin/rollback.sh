#!/bin/sh
# Takes a model version out of traffic on every route, with curl alone: for a host without Node.
# The same call, token and exit codes as `sluice rollback --model-version VERSION`.
set -u

help() {
  cat <<'TEXT'
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
3 no answer in time (it may have been done), 4 unreachable, not allowed, or no admin API.
TEXT
}

say() { printf 'rollback.sh: %s\n' "$1" >&2; }

# A JSON string of $1. Control characters have no place in a version or a reason.
json() {
  printf '"%s"' "$(printf '%s' "$1" | tr '\000-\037\177' ' ' | sed 's/\\/\\\\/g; s/"/\\"/g')"
}

case ${1:-} in
  -h | --help) help; exit 0 ;;
  '' | -*) help >&2; exit 2 ;;
esac
[ $# -le 2 ] || { help >&2; exit 2; }
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

# Asks the admin API for path $1; further words go to curl.
# The token goes in by stdin: arguments can be read by every user of the host.
ask() {
  path=$1
  shift
  printf 'header = "Authorization: Bearer %s"\n' "$token" |
    curl -q --config - --silent --show-error --noproxy '*' --max-time 10 "$@" "${admin%/}/admin/v1/$path"
}

# The text of member $1 of the problem in $answer; empty where there is none.
member() {
  printf '%s' "$answer" | tr '\n' ' ' |
    sed -n 's/.*"'"$1"'" *: *"\([^"\\]*\(\\.[^"\\]*\)*\)".*/\1/p' | sed 's/\\\(["\\/]\)/\1/g'
}

# The routes whose champion has model version $1, from the running configuration on stdin.
champion_of() {
  WANT=$(json "$1") awk '
    { text = text $0 }
    END {
      while (match(text, /"([^"\\]|\\.)*"|[][{}:,]|[^][{}:," ]+/)) {
        token = substr(text, RSTART, RLENGTH)
        text = substr(text, RSTART + RLENGTH)
        if (token == "{" || token == "[") key[++depth] = ""
        else if (token == "}" || token == "]") depth--
        else if (token == ":") key[depth] = last
        else if (token == ",") key[depth] = ""
        else if (key[depth] == "") last = token
        else if (key[1] == "\"config\"" && key[2] == "\"routes\"") {
          if (depth == 4 && key[4] == "\"champion\"") champion[key[3]] = token
          if (depth == 7 && key[6] == "\"model\"" && key[7] == "\"version\"") version[key[3], key[5]] = token
        }
      }
      for (route in champion)
        if (version[route, champion[route]] == ENVIRON["WANT"]) print substr(route, 2, length(route) - 2)
    }' | sort
}

answer=$(
  ask rollback --request POST --header 'Content-Type: application/json' --data-raw "$body" \
    --write-out '\n%{http_code}'
)
case $? in
  0) ;;
  28 | 52 | 55 | 56) say 'no answer; it may have been done: look before you repeat it'; exit 3 ;;
  *) say "the admin API at $admin cannot be reached"; exit 4 ;;
esac
status=$(printf '%s' "$answer" | tail -n 1)
answer=$(printf '%s' "$answer" | sed '$d')

case $status in
  20[02]) case $answer in \[*) ours=yes ;; *) ours= ;; esac ;;
  *) case $(member code) in '' | SLC_NO_ROUTE) ours= ;; SLC_*) ours=yes ;; *) ours= ;; esac ;; # NO_ROUTE: the data listener
esac
[ -n "$ours" ] || { say "what listens at $admin is not an admin API of sluice (status $status)"; exit 4; }

case $status in
  20[02])
    printf '%s\n' "$answer"
    if [ "$answer" = '[]' ]; then
      routes=$(ask config 2>/dev/null | champion_of "$1" | tr '\n' ' ')
      [ -n "$routes" ] || { say "no route gives traffic to model version $1"; exit 1; }
      say "model version $1 is the champion of ${routes% }, and there is nothing to fall back to"
      exit 1
    fi
    [ "$status" = 200 ] || say 'in force and not stored yet; storing it is tried until it succeeds'
    say "model version $1 is out of traffic"
    ;;
  *) say "$(member detail) ($(member code))" ;;
esac
case $status:$(member code) in
  20?:*) exit 0 ;;
  401:* | 403:* | 421:* | 429:*) exit 4 ;;
  503:SLC_STATE_UNKNOWN) exit 1 ;; # nothing was applied
  503:*) exit 3 ;;
  *) exit 1 ;;
esac
