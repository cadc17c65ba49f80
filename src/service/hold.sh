# Takes the lock files of the pid files in "$@", all or none, and keeps them as long as it hears a dot every now and then.
# $patience: seconds in which it is tried again. $span: seconds until it ends by the clock of this host.
# $silence: seconds without a dot after which nobody is there any more. $began: the moment of the hold, which its work knows too.
LC_ALL=C
export LC_ALL
exec 2>&1
umask 022

now() {
  if [ -r /proc/uptime ]; then
    read -r up idle </proc/uptime
    echo "${up%%.*}"
  else
    date +%s
  fi
}

# Locks an open file as Python's filelock does: the lock belongs to the open file, not to the program that asked for it.
# 0: it is ours, 1: somebody has it.
lock() {
  if command -v flock >/dev/null 2>&1; then
    flock -n "$1"
  elif command -v perl >/dev/null 2>&1; then
    perl -e 'open(my $f, "+<&=", $ARGV[0]) || open($f, "<&=", $ARGV[0]) || exit 9; exit 0 if flock($f, 6); exit($!{EWOULDBLOCK} ? 1 : 9)' "$1"
  elif command -v python3 >/dev/null 2>&1; then
    python3 -c 'import fcntl, sys
try: fcntl.flock(int(sys.argv[1]), 6)
except BlockingIOError: sys.exit(1)' "$1"
  else
    return 127
  fi
}

# Runs a program that has none of the locks.
apart() (
  exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
  exec "$@"
)

# Group, state and command line of each process.
processes() {
  apart ps -A -ww -o pgid= -o stat= -o args= 2>/dev/null || apart ps -o pgid,stat,args 2>/dev/null
}

# The process group of the work that was begun with this hold, where some of it lives.
work() {
  processes | while read -r group state line; do
    case $state in Z*) continue ;; esac
    case $line in
    'sh -c eval "$HOTSPARE_WORK" hotspare-work '"$began"' '*)
      echo "$group"
      break
      ;;
    esac
  done
}

# Whether a process of this group lives; a zombie does not.
lives() {
  processes | {
    while read -r group state line; do
      case $state in Z*) continue ;; esac
      [ "$group" != "$1" ] || exit 0
    done
    exit 1
  }
}

# Ends the work that is still there, and nothing else: asked first, after ten seconds killed, and seen to be gone.
end_work() {
  group=$(work)
  [ -n "$group" ] || return 0
  for signal in TERM KILL; do
    kill "-$signal" "-$group" 2>/dev/null
    enough=$(($(now) + 10))
    while lives "$group"; do
      [ "$(now)" -lt "$enough" ] || continue 2
      apart sleep 0.2 2>/dev/null || apart sleep 1
    done
    echo "ended $signal"
    return 0
  done
  echo "lives $group"
}

# One byte within so many seconds, read by a program that has none of the locks. Ends with 124 where nothing came.
hear() {
  exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
  if command -v timeout >/dev/null 2>&1; then
    exec timeout "$1" head -c 1
  elif command -v perl >/dev/null 2>&1; then
    exec perl -e '$SIG{ALRM} = sub { exit 124 }; alarm shift; my $c; print $c if sysread(STDIN, $c, 1)' "$1"
  else
    exec python3 -c 'import os, select, sys
if not select.select([0], [], [], float(sys.argv[1]))[0]: sys.exit(124)
sys.stdout.write(os.read(0, 1).decode())' "$1"
  fi
}

missing=
number=0
for file do
  [ -f "$file" ] || { echo "missing $number"; missing=1; }
  number=$((number + 1))
done
[ -z "$missing" ] || exit 3

until=$(($(now) + span))
enough=$(($(now) + patience))
while :; do
  fd=3 number=0 busy=
  for file do
    name=$file.lock
    [ -e "$name" ] || : 2>/dev/null >>"$name" || { echo "cannot $number the lock file cannot be made"; exit 4; }
    if [ -w "$name" ]; then
      eval "exec $fd<>\"\$name\""
    elif [ -r "$name" ]; then
      eval "exec $fd<\"\$name\""
    else
      echo "cannot $number the lock file may not be opened"
      exit 4
    fi
    lock "$fd"
    case $? in
    0) ;;
    1) busy=$number ;;
    127) echo "cannot $number there is neither flock nor perl nor python3"; exit 4 ;;
    *) echo "cannot $number this file system locks no files"; exit 4 ;;
    esac
    [ -z "$busy" ] || break
    # Somebody may have put another file there meanwhile: a lock on one that has no name is worth nothing.
    if [ -e "/proc/self/fd/$fd" ] && ! [ "$name" -ef "/proc/self/fd/$fd" ]; then
      busy=$number
      break
    fi
    fd=$((fd + 1)) number=$((number + 1))
  done
  [ -n "$busy" ] || break
  exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
  [ "$(now)" -lt "$enough" ] || { echo "busy $busy"; exit 5; }
  sleep 0.2 2>/dev/null || sleep 1
done

echo "ours $$"
while :; do
  left=$((until - $(now)))
  [ "$left" -gt 0 ] || { echo over; exit 0; }
  [ "$left" -lt "$silence" ] || left=$silence
  word=$(hear "$left")
  how=$?
  case $word in
  .) ;;
  q) exit 0 ;;
  e)
    end_work
    exit 0
    ;;
  *)
    [ "$(now)" -lt "$until" ] || { echo over; exit 0; }
    # Where the input has ended, so has the connection, and the locks are free at once; after silence nobody watches the work.
    [ "$how" -ne 124 ] || end_work
    echo silent
    exit 0
    ;;
  esac
done
