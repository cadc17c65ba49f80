# Follows the log of a docker container or service. Arguments: its name, since when (empty: its last lines), how many lines.
# Prints its lines with their times; on standard error `Z +0100` once, `S` where it is a service, then `B` every few seconds.
hs_name=$1 hs_since=$2 hs_tail=$3
command -v docker >/dev/null 2>&1 || { echo "docker is not installed here" >&2; exit 127; }
printf 'Z %s\n' "$(date +%z)" >&2
if docker inspect --type container --format x "$hs_name" >/dev/null 2>&1; then
  set -- docker logs --follow --timestamps
else
  set -- docker service logs --follow --timestamps --no-trunc
  echo S >&2
fi
if [ -n "$hs_since" ]; then set -- "$@" --since "$hs_since"; else set -- "$@" --tail "$hs_tail"; fi
"$@" "$hs_name" </dev/null 2>&1 &
hs_docker=$!
# Whoever read this is gone when its standard input ends.
exec 4<&0
{ cat <&4 >/dev/null; kill "$hs_docker"; } >/dev/null 2>&1 &
hs_watch=$!
exec 4<&-
{ sleep 1; while echo B >&2 && kill -0 "$hs_docker" 2>/dev/null; do sleep 4; done; } </dev/null >/dev/null &
hs_beat=$!
trap 'kill "$hs_docker" "$hs_watch" "$hs_beat" 2>/dev/null' EXIT
trap 'exit 0' HUP INT TERM PIPE
wait "$hs_docker"
