# Takes the lock files of the pid files in "$@", all or none, and keeps them as long as it hears a dot every now and then.
# $patience: seconds in which it is tried again. $span: seconds until it ends by the clock of this host.
# $silence: seconds without a dot after which nobody is there any more.
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

# One byte within so many seconds, read by a program that has none of the locks.
hear() {
  exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
  if command -v timeout >/dev/null 2>&1; then
    exec timeout "$1" head -c 1
  elif command -v perl >/dev/null 2>&1; then
    exec perl -e 'alarm shift; my $c; print $c if sysread(STDIN, $c, 1)' "$1"
  else
    exec python3 -c 'import os, select, sys
sys.stdout.write(os.read(0, 1).decode() if select.select([0], [], [], float(sys.argv[1]))[0] else "")' "$1"
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
  case $(hear "$left") in
  .) ;;
  q) exit 0 ;;
  *)
    [ "$(now)" -lt "$until" ] && echo silent || echo over
    exit 0
    ;;
  esac
done
