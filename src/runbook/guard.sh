# Begun as: set -- SCOPE GENERATION MARK COMMAND, then this text.
hs_fail() { echo "hotspare: $1" >&2; exit 214; }
if [ -n "${HOTSPARE_GUARD-}" ]; then hs_dir=$HOTSPARE_GUARD
elif [ "$(id -u)" = 0 ]; then hs_dir=/var/lib/hotspare/guard
else hs_dir=${XDG_STATE_HOME:-${HOME:?}/.local/state}/hotspare/guard; fi
[ -d "$hs_dir" ] || (umask 077; mkdir -p "$hs_dir") || hs_fail "the folder $hs_dir for generations cannot be made on this host"
if [ -n "$1" ]; then
  hs_mine=$hs_dir/gen.$1.$2
  (: >"$hs_mine") 2>/dev/null || hs_fail "the generation cannot be kept in $hs_dir on this host: is its disk full, or not writable?"
  for hs_file in "$hs_dir/gen.$1."*; do
    hs_seen=${hs_file##*.}
    case $hs_seen in '' | *[!0-9]*) continue ;; esac
    if [ "$hs_seen" -gt "$2" ]; then
      rm -f "$hs_mine"
      echo "hotspare: refused: this host has seen generation $hs_seen, and this step is of generation $2" >&2
      exit 213
    elif [ "$hs_seen" -lt "$2" ]; then
      rm -f "$hs_file"
    fi
  done
fi
hs_mark=$hs_dir/run.$3
hs_note() { echo "$1 $2" >"$hs_mark.new.$$" && mv -f "$hs_mark.new.$$" "$hs_mark"; }
trap 'hs_note ended 143; exit 143' HUP INT TERM
hs_note began $$ 2>/dev/null || hs_fail "the beginning of the step cannot be noted in $hs_dir on this host: is its disk full?"
# What is not on the disk when the power fails was never seen. The generation is a name in the folder. An old sync knows no
# names, and brings everything there.
sync "$hs_mark" "$hs_dir" 2>/dev/null || hs_fail "what is noted in $hs_dir on this host does not get to its disk: is it broken?"
# For a command that looks once more before it changes what must not have two owners.
if [ -n "$1" ]; then HOTSPARE_GENERATIONS=$hs_dir/gen.$1. HOTSPARE_GENERATION=$2; export HOTSPARE_GENERATIONS HOTSPARE_GENERATION; fi
sh -c "$4"
hs_status=$?
hs_note ended $hs_status 2>/dev/null
find "$hs_dir" -name 'run.*' -mtime +30 -exec rm -f {} + 2>/dev/null
exit $hs_status
