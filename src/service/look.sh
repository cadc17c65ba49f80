# Says what the pid files in "$@" name, and who holds their lock files. Changes nothing.
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/sbin:/sbin

# Which processes have this file locked with flock(2), as far as they may be looked into: the number that /proc/locks has
# is that of the process that took the lock, which may have handed it down and be gone.
holders() {
  if [ -r /proc/locks ]; then
    set -- "$1" "$2" $(stat -c '%d %i' "$2")
    grep "^[0-9]*: FLOCK .*:$4 0 EOF\$" /proc/locks | while read -r number kind how mode pid where rest; do
      echo "lock $1 $pid $where $3"
    done
    grep -q "^[0-9]*: FLOCK .*:$4 0 EOF\$" /proc/locks || return 0
    find /proc/[0-9]*/fdinfo -type f -exec grep -l "FLOCK .*:$4 0 EOF" {} + 2>/dev/null | while read -r path; do
      pid=${path#/proc/}
      pid=${pid%%/*}
      [ "/proc/$pid/fd/${path##*/}" -ef "$2" ] && echo "holder $1 $pid"
    done
  elif command -v lsof >/dev/null 2>&1; then
    lsof -nP -Fp -- "$2" 2>/dev/null | sed -n "s/^p/open $1 /p"
  fi
  return 0
}

files() {
  number=0
  for file do
    if [ -f "$file" ]; then
      pid=$(head -c 64 -- "$file" 2>/dev/null | head -n 1 | tr -cd '0-9' | cut -c 1-10)
      written=$(stat -c %Y -- "$file" 2>/dev/null || stat -f %m -- "$file" 2>/dev/null)
      echo "file $number ${written:-0} ${pid:--}"
    else
      echo "missing $number"
      ls -1 -- "$(dirname -- "$file")" 2>/dev/null | head -n 200 | while IFS= read -r name; do
        echo "near $number $name"
      done
    fi
    if [ -e "$file.lock" ]; then holders "$number" "$file.lock"; fi
    number=$((number + 1))
  done
}

echo "now $(date +%s)"
[ -r /proc/locks ] && echo "tool locks"
for tool in flock perl python3 ps lsof; do
  command -v "$tool" >/dev/null 2>&1 && echo "tool $tool"
done
process() {
  if [ -n "$has_ps" ]; then
    ps -ww -o pid= -o user= -o stat= -o etime= -o args= -p "$1" 2>/dev/null | sed 's/^ */ps /'
  elif kill -0 "$1" 2>/dev/null; then
    echo "ps $1 - - - $(tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null)"
  fi
}

has_ps=$(ps -o pid= -p $$ 2>/dev/null)
said=$(files "$@")
printf '%s\n' "$said"
printf '%s\n' "$said" | while read -r what number one two rest; do
  case $what in
  file) echo "$two" ;;
  lock | holder | open) echo "$one" ;;
  esac
done | sort -u | while read -r pid; do
  case $pid in
  '' | *[!0-9]*) ;;
  *) process "$pid" ;;
  esac
done
echo end
