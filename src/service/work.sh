# Runs $2, the work of a hold, in the process group of this shell. $1 is when the hold began: by that its holder knows this group.
unset HOTSPARE_WORK
began=$1 work=$2

# Where the holder can be seen, nothing begins without it: its person may have gone while ssh was still on its way.
if there=$(ps -A -ww -o args= 2>/dev/null); then
  case $there in
  *hotspare-hold\ *\"since\":\""$began"\"*) ;;
  *)
    echo "hotspare: the locks are not held any more, and nothing was begun" >&2
    exit 75
    ;;
  esac
fi

# Who waits for this shell now: another than at first where the connection is gone.
waits() {
  if [ -r "/proc/$$/status" ]; then
    while read -r key value; do
      [ "$key" != PPid: ] || echo "$value"
    done <"/proc/$$/status"
  else
    ps -o ppid= -p "$$" | tr -d ' '
  fi
}

# A connection that is gone ends what ran over it: asked first, and after ten seconds it is not asked any more.
(
  trap '' INT QUIT HUP
  while sleep 2; do
    [ "$(waits)" = "$PPID" ] && continue
    trap '' TERM
    kill -TERM 0
    sleep 10
    kill -KILL 0
  done
) </dev/null >/dev/null 2>&1 &
watch=$!

# What interrupts the work is for the work; this says how it ended.
trap : INT QUIT
"${SHELL:-sh}" -c "$work"
ended=$?
exec 2>/dev/null
kill -KILL "$watch"
exit "$ended"
