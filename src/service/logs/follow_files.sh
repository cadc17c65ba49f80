# Follows files for a reader at the other end of an ssh connection. Arguments: how many bytes of a file's end are wanted at
# first, then for each file its path, and the device:inode and offset up to which it was read (`-` where it was not).
# Prints, each at the beginning of a line:
#   Z +0100             what a time without a zone means here
#   D N DEV:INO AT LEN  LEN bytes of the Nth file follow, from AT on
#   E N DEV:INO AT      the Nth file is read up to its end, which is AT
#   N N WORD            missing, unreadable, truncated, rotated, lost
#   N N folder A/B/     it is a folder, with these files in it, the newest ones
#   B                   still there, and nothing to say
hs_back=$1
shift
hs_count=0
while [ $# -gt 0 ]; do
  hs_count=$((hs_count + 1))
  hs_path=$1
  case $hs_path in "~/"*) hs_path=$HOME/${hs_path#"~/"} ;; esac
  eval "path$hs_count=\$hs_path id$hs_count=\$2 at$hs_count=\$3 told$hs_count= turns$hs_count=0"
  shift 3
done
hs_begin=1
hs_quiet=0
hs_idle=0
# Whoever read this is gone when its standard input ends.
exec 4<&0
{ cat <&4 >/dev/null; kill "$$"; } >/dev/null 2>&1 &
hs_watch=$!
exec 4<&-
trap 'kill "$hs_watch" 2>/dev/null' EXIT
trap 'exit 0' HUP INT TERM PIPE
exec </dev/null

# Device:inode and size of the file on standard input.
hs_stat() { stat -L -c '%d:%i %s' /dev/stdin 2>/dev/null || stat -f '%d:%i %z'; }

# Sends what the file on descriptor 3 has from $3 on; $4 is its size. A file that shrinks meanwhile is filled up with zeros,
# so that the length is always what was said.
hs_send() {
  hs_len=$(($4 - $3))
  hs_more=
  if [ "$hs_len" -gt "$hs_most" ]; then hs_len=$hs_most hs_more=1 hs_busy=1; fi
  printf 'D %s %s %s %s\n' "$1" "$2" "$3" "$hs_len"
  { tail -c "+$(($3 + 1))" <&3; cat /dev/zero; } 2>/dev/null | head -c "$hs_len"
  hs_at=$(($3 + hs_len))
  hs_quiet=0 hs_idle=0
}

hs_say() {
  eval "[ \"\$told$1\" = \"$2\" ]" || { printf 'N %s %s\n' "$1" "$2"; hs_quiet=0; }
  eval "told$1=$2"
}

# The rest of a file that another one took the place of: found by its inode in the same folder, under whatever name.
hs_rest() {
  case $2 in */*) hs_dir=${2%/*}/ ;; *) hs_dir=./ ;; esac
  hs_old=$(find "$hs_dir" -maxdepth 1 -type f -inum "${3#*:}" 2>/dev/null | head -n 1)
  [ -n "$hs_old" ] || return 1
  hs_read_rest "$1" "$3" "$4" 3<"$hs_old"
}
hs_read_rest() {
  set -- "$1" "$2" "$3" $(hs_stat <&3)
  [ "$4" = "$2" ] || return 1
  hs_at=$3
  [ "${5:-0}" -le "$3" ] || hs_send "$1" "$2" "$3" "$5"
}

# The file that came after $2 under the name $1: the oldest that is newer, which is $1 itself where there was none in between.
hs_after() {
  hs_next=$1
  for hs_file in "$1"*; do
    case $hs_file in *.gz | *.xz | *.bz2 | *.zst | *.lz4) continue ;; esac
    if [ -f "$hs_file" ] && [ "$hs_file" -nt "$2" ] && [ "$hs_next" -nt "$hs_file" ]; then hs_next=$hs_file; fi
  done
}

# The newest files in a folder, each with a slash behind it, which no name holds.
hs_names() { ls -1tp "$1/" 2>/dev/null | grep -v '/$' | head -n 5 | cut -c 1-60 | tr '\n' '/'; }

# Looks at the $1th file, whose path is $2 and which is open on descriptor 3.
hs_look() {
  set -- "$1" "$2" $(hs_stat <&3)
  [ $# -eq 4 ] || return 1
  eval "hs_id=\$id$1 hs_at=\$at$1 hs_turns=\$turns$1"
  if [ "$hs_id" = - ]; then
    hs_at=0
    if [ -n "$hs_begin" ] && [ "$4" -gt "$hs_back" ]; then hs_at=$(($4 - hs_back)); fi
  elif [ "$hs_id" != "$3" ]; then
    # Who writes may go on with the old file for a moment: it is read until it was quiet for half a second, for two seconds at
    # most, and longer where the new one is still empty, and so nothing waits.
    hs_was=$hs_at
    if hs_rest "$1" "$2" "$hs_id" "$hs_at"; then
      eval "at$1=\$hs_at"
      [ -z "$hs_more" ] || return 0
      hs_after "$2" "$hs_old"
      if [ "$hs_next" != "$2" ]; then
        set -- "$1" "$2" $(hs_stat <"$hs_next")
        [ $# -eq 4 ] || return 0
        eval "id$1=\$3 at$1=0 turns$1=0 calm$1=0 new$1=0"
        hs_busy=1
        return 0
      fi
      eval "hs_calm=\${calm$1:-0} hs_new=\${new$1:-0} hs_same=\${same$1:-}"
      [ "$hs_same" != "$3" ] || [ "$4" -ge "$hs_new" ] || hs_say "$1" truncated
      # Only from here on something waits.
      if [ "$hs_new" -eq 0 ] && [ "$4" -gt 0 ]; then hs_turns=0; fi
      if [ "$hs_at" -gt "$hs_was" ]; then hs_calm=0; else hs_calm=$((hs_calm + 1)); fi
      eval "turns$1=$((hs_turns + 1)) calm$1=$hs_calm new$1=$4 same$1=\$3"
      hs_limit=13
      if [ "$4" -eq 0 ]; then hs_limit=40 hs_calm=0; fi
      if [ "$hs_calm" -lt 4 ] && [ "$hs_turns" -lt "$hs_limit" ]; then
        [ "$hs_turns" -ge 13 ] || hs_turning=1
        hs_idle=0
        return 0
      fi
      hs_say "$1" rotated
    else
      hs_say "$1" lost
    fi
    hs_at=0
  elif [ "$4" -lt "$hs_at" ]; then
    hs_say "$1" truncated
    hs_at=0
  fi
  eval "id$1=\$3 turns$1=0 calm$1=0 new$1=0"
  hs_more=
  if [ "$4" -gt "$hs_at" ]; then
    hs_send "$1" "$3" "$hs_at" "$4"
    eval "told$1="
  fi
  eval "at$1=\$hs_at"
  if [ -z "$hs_more" ]; then
    eval "hs_told=\$told$1"
    [ "$hs_told" = end ] || printf 'E %s %s %s\n' "$1" "$3" "$hs_at"
    eval "told$1=end"
  fi
}

printf 'Z %s\n' "$(date +%z)"
hs_most=1048576
while :; do
  hs_busy=
  hs_turning=
  hs_n=0
  while [ "$hs_n" -lt "$hs_count" ]; do
    hs_n=$((hs_n + 1))
    hs_more=
    eval "hs_path=\$path$hs_n"
    # Never opens a pipe or a device, which would wait.
    if [ -f "$hs_path" ] && hs_look "$hs_n" "$hs_path" 3<"$hs_path"; then :
    elif [ -f "$hs_path" ] && [ ! -r "$hs_path" ]; then hs_say "$hs_n" unreadable
    elif [ -d "$hs_path" ]; then
      eval "hs_told=\$told$hs_n"
      [ "$hs_told" = folder ] || printf 'N %s folder %s\n' "$hs_n" "$(hs_names "$hs_path")"
      eval "told$hs_n=folder"
    else hs_say "$hs_n" missing; fi
  done 2>/dev/null
  hs_begin=
  if [ -z "$hs_busy" ]; then
    hs_quiet=$((hs_quiet + 1)) hs_idle=$((hs_idle + 1))
    if [ "$hs_quiet" -ge 16 ]; then printf 'B\n'; hs_quiet=0; fi
    if [ -n "$hs_turning" ]; then sleep 0.15; elif [ "$hs_idle" -lt 40 ]; then sleep 0.25; else sleep 0.5; fi 2>/dev/null || sleep 1
  fi
done
