#!/bin/sh
# Puts the databases of this disk back on a server: sh restore.sh --help
# Needs a POSIX shell, zstd, the client of MySQL or MariaDB (mongorestore for MongoDB), and sha256sum, shasum or openssl.
set -u
LC_ALL=C
export LC_ALL
umask 077

usage() {
  cat <<'HELP'
sh restore.sh [OPTIONS]
  --host H           the server's host (default: this computer)
  --port P           its port
  --socket S         its socket
  --user U           who logs in (default: root)
  --defaults-file F  an option file with user and password, as the client reads it
  --database D       only this database
  --kit K            this kit (default: the newest)
  --dump D           the kits of this dump, where the disk holds several
  --list             only say what is there
  --check            only check the files
  --yes              do not ask
The password is taken from --defaults-file, from MYSQL_PWD, or asked for.
HELP
}

say() { printf '%s\n' "$*"; }
fail() { printf 'restore.sh: %s\n' "$*" >&2; exit 1; }

host='' port='' socket='' user='' defaults='' only='' kit='' dump='' yes='' mode=restore
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --list) mode=list; shift; continue ;;
    --check) mode=check; shift; continue ;;
    --yes) yes=1; shift; continue ;;
    --*=*) option=${1%%=*} value=${1#*=}; shift ;;
    --*) option=$1; [ $# -gt 1 ] || fail "$1 needs a value: see --help"; value=$2; shift 2 ;;
    *) fail "$1 is not known: see --help" ;;
  esac
  case $option in
    --host) host=$value ;;
    --port) port=$value ;;
    --socket) socket=$value ;;
    --user) user=$value ;;
    --defaults-file) defaults=$value ;;
    --database) only=$value ;;
    --kit) kit=$value ;;
    --dump) dump=$value ;;
    *) fail "$option is not known: see --help" ;;
  esac
done
case $defaults in '' | /*) ;; *) defaults=$(pwd)/$defaults ;; esac

CDPATH='' cd -- "$(dirname -- "$0")" || exit 1
tab=$(printf '\t')
work=$(mktemp -d "${TMPDIR:-/tmp}/restore.XXXXXX") || fail "no folder for temporary files"
trap 'stty echo 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

# The first lines of a kit: k_number, k_dump, k_kind, k_made, k_seconds, k_version.
head_of() {
  k_number=0 k_dump='' k_kind=mysql k_made='' k_seconds='' k_version=''
  while IFS=$tab read -r key first second rest; do
    case $key in
      number) k_number=$first ;;
      dump) k_dump=$first ;;
      kind) k_kind=$first ;;
      version) k_version=$first ;;
      made) k_made=$first k_seconds=$second ;;
      database | missing | end) break ;;
    esac
  done < "$1/contents.txt"
}

# A kit whose description was written to its end.
whole() { [ -f "$1/contents.txt" ] && [ "$(tail -n 1 "$1/contents.txt")" = end ]; }

age_of() {
  now=$(date +%s 2>/dev/null) || now=''
  case $now$1 in '' | *[!0-9]*) return ;; esac
  [ -n "$now" ] && [ -n "$1" ] || return
  old=$((now - $1))
  if [ $old -lt 0 ]; then say ", by a clock that is ahead of this computer's"
  elif [ $old -lt 120 ]; then say ", $old seconds ago"
  elif [ $old -lt 7200 ]; then say ", $((old / 60)) minutes ago"
  elif [ $old -lt 172800 ]; then say ", $((old / 3600)) hours ago"
  else say ", $((old / 86400)) days ago"; fi
}

# Which kit: the one that is named, else the newest, by its number.
newest='' best=-1 dumps=''
for folder in ????-??-??T??-??-??Z*; do
  whole "$folder" || continue
  head_of "$folder"
  if [ "$mode" = list ]; then say "$folder  $(printf '%b' "$k_dump")  made $k_made$(age_of "$k_seconds")"; fi
  if [ -n "$dump" ]; then
    [ "$(printf '%b' "$k_dump")" = "$dump" ] || continue
  else
    # What a restore put aside is only restored by name.
    case $k_dump in *' before a restore') continue ;; esac
  fi
  case "$tab$dumps$tab" in *"$tab$k_dump$tab"*) ;; *) dumps=$dumps${dumps:+$tab}$k_dump ;; esac
  if [ "$k_number" -gt "$best" ]; then best=$k_number newest=$folder; fi
done
[ "$mode" = list ] && exit 0
if [ -z "$kit" ]; then
  [ -n "$newest" ] || fail "no whole kit is on this disk${dump:+ of the dump $dump}"
  case $dumps in *"$tab"*) fail "this disk holds several dumps, name one with --dump: $(printf '%b' "$dumps" | tr "$tab" ',')" ;; esac
  kit=$newest
fi
case $kit in */* | .*) fail "$kit is not the name of a kit: see --list" ;; esac
whole "$kit" || fail "$kit is not a whole kit of this disk: see --list"
head_of "$kit"
say "Kit $kit of $(printf '%b' "$k_dump"), made $k_made$(age_of "$k_seconds"), from $k_version"
for note in last-seen-*.txt; do
  [ -f "$note" ] || continue
  while IFS=$tab read -r key first second rest; do
    [ "$key$tab$first" = "seen$tab$kit" ] && say "The server was last seen unchanged since: $second$(age_of "$rest")"
  done < "$note"
done

if command -v sha256sum >/dev/null 2>&1; then sum() { sha256sum < "$1"; }
elif command -v shasum >/dev/null 2>&1; then sum() { shasum -a 256 < "$1"; }
elif command -v openssl >/dev/null 2>&1; then sum() { openssl dgst -sha256 -r < "$1"; }
else fail "nothing here can check the files: install sha256sum, shasum or openssl"; fi

check() { # path, sum
  [ -f "$1" ] || { say "  MISSING  $1"; bad=1; return; }
  found=$(sum "$1") || found=''
  if [ "${found%% *}" = "$2" ]; then say "  good     $1"; else say "  BROKEN   $1"; bad=1; fi
}

say "Checking the files:"
bad='' found_only='' late=''
wanted=$(while read -r hash name; do [ "$name" = contents.txt ] && say "$hash"; done < "$kit/SHA256SUMS")
check "$kit/contents.txt" "$wanted"
[ -z "$bad" ] || fail "the description of this kit is broken: try an older one, see --list"
taking='' database=''
while IFS=$tab read -r key first second third rest; do
  case $key in
    database) database=$(printf '%b_' "$first"); database=${database%_}
      if [ -z "$only" ] || [ "$only" = "$database" ]; then taking=1 found_only=1; else taking=''; fi ;;
    file) [ -z "$taking" ] || check "$first" "$third" ;;
    late) [ -z "$taking" ] || late="$late
  $(printf '%b' "$first"): not read for this kit, its last good state is taken ($(printf '%b' "$second"))" ;;
    missing) [ -n "$only" ] && [ "$only" != "$(printf '%b' "$first")" ] || late="$late
  $(printf '%b' "$first"): NOT in this kit ($(printf '%b' "$third"))" ;;
  esac
done < "$kit/contents.txt"
[ -z "$late" ] || say "Not everything is there:$late"
[ -z "$bad" ] || fail "files are missing or broken, nothing was restored: try an older kit, see --list"
[ -n "$found_only" ] || fail "nothing to restore${only:+: this kit has no database $only}"
[ "$mode" = check ] && { say "All files are good."; exit 0; }

zstd=''
for name in zstd ./zstd; do command -v "$name" >/dev/null 2>&1 && { zstd=$name; break; }; done
[ -n "$zstd" ] || fail "zstd is not installed: apt-get install zstd (Debian, Ubuntu), brew install zstd (macOS)"

if [ "$k_kind" = mongodb ]; then
  command -v mongorestore >/dev/null 2>&1 || fail "mongorestore is not installed: it is part of the MongoDB Database Tools"
  set -- mongorestore --archive --drop
  [ -z "$host" ] || set -- "$@" --host "$host"
  [ -z "$port" ] || set -- "$@" --port "$port"
  [ -z "$user" ] || set -- "$@" --username "$user" --authenticationDatabase admin
  [ -z "$defaults" ] || set -- "$@" --config "$defaults"
else
  client=''
  for name in mariadb mysql; do command -v "$name" >/dev/null 2>&1 && { client=$name; break; }; done
  [ -n "$client" ] || fail "neither mariadb nor mysql is installed: apt-get install default-mysql-client"
  if [ -n "$defaults" ]; then set -- "$client" "--defaults-file=$defaults"
  else set -- "$client" "--defaults-extra-file=$work/password"; : > "$work/password"; fi
  [ -z "$host" ] || set -- "$@" "--host=$host"
  [ -z "$port" ] || set -- "$@" "--port=$port"
  [ -z "$socket" ] || set -- "$@" "--socket=$socket"
  if [ -n "$user" ]; then set -- "$@" "--user=$user"; elif [ -z "$defaults" ]; then set -- "$@" --user=root; fi
  set -- "$@" --default-character-set=utf8mb4
  ask() { "$client_0" "$@" </dev/null; }
  client_0=$1
  shift
  if ! ask "$@" -e 'SELECT 1' >/dev/null 2>"$work/why"; then
    [ -z "$defaults" ] && [ -z "${MYSQL_PWD:-}" ] && grep -q '1045\|1698' "$work/why" && [ -t 0 ] || fail "no login: $(cat "$work/why")"
    printf 'Password of %s: ' "${user:-root}"
    stty -echo; IFS= read -r secret; stty echo; say ''
    secret=$(printf '%s' "$secret" | sed 's/\\/\\\\/g; s/"/\\"/g')
    printf '[client]\npassword="%s"\n' "$secret" > "$work/password"
    secret=''
    ask "$@" -e 'SELECT 1' >/dev/null 2>"$work/why" || fail "no login: $(cat "$work/why")"
  fi
  say "Server: $(ask "$@" -N -B -e "SELECT CONCAT(@@hostname, ' ', VERSION())")"
fi

in_text() { printf '%s' "$1" | sed "s/\\\\/\\\\\\\\/g; s/'/''/g"; }
in_name() { printf '%s' "$1" | sed 's/`/``/g'; }

say "This will be removed and restored:"
while IFS=$tab read -r key first second third rest; do
  [ "$key" = database ] || continue
  database=$(printf '%b_' "$first"); database=${database%_}
  [ -z "$only" ] || [ "$only" = "$database" ] || continue
  now='not on the server'
  if [ "$k_kind" != mongodb ]; then
    there=$(ask "$@" -N -B -e "SELECT CONCAT(COUNT(*), ' tables, about ', COALESCE(SUM(TABLE_ROWS), 0), ' rows', COALESCE(CONCAT(', changed ', MAX(UPDATE_TIME)), '')) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '$(in_text "$database")' HAVING COUNT(*) > 0") || fail "the server does not answer"
    [ -z "$there" ] || now="on the server: $there"
  else now='what the server has of it goes'; fi
  say "  $database  as of $third  ($now)"
done < "$kit/contents.txt"
if [ -z "$yes" ]; then
  printf 'Type RESTORE to go on: '
  IFS= read -r answer || answer=''
  [ "$answer" = RESTORE ] || fail "nothing was changed"
fi

# One database: files in $work/files, name in $database.
restore_one() {
  rm -f "$work/failed"
  unpack() { while IFS= read -r path; do cat "./$path" || say "$path" > "$work/failed"; done < "$work/files" | "$zstd" -dcq || say zstd > "$work/failed"; }
  if [ "$k_kind" = mongodb ]; then
    unpack | "$@" || return 1
  else
    quoted=$(in_name "$database")
    ask "$@" -e "SET FOREIGN_KEY_CHECKS=0; DROP DATABASE IF EXISTS \`$quoted\`" || return 1
    # A dump that does not make its database itself is put into one.
    if unpack 2>/dev/null | head -n 80 | grep -q '^CREATE DATABASE'; then
      rm -f "$work/failed"
      unpack | "$client_0" "$@" --binary-mode || return 1
    else
      rm -f "$work/failed"
      ask "$@" -e "CREATE DATABASE \`$quoted\`" || return 1
      unpack | "$client_0" "$@" --binary-mode "--database=$database" || return 1
    fi
  fi
  [ ! -e "$work/failed" ] || return 1
}

compare() {
  [ "$k_kind" != mongodb ] || { say "  restored $database: compare its collections by hand"; return; }
  ask_counts() { "$client_0" "$@" -N -B < "$work/counts.sql"; }
  ask_counts "$@" > "$work/counts" || { say "  FAILED   $database: its tables cannot be counted"; bad=1; return; }
  tables=0 differ=''
  while IFS=$tab read -r rows name <&3; do
    IFS= read -r found <&4 || found='nothing'
    tables=$((tables + 1))
    [ "$rows" = "$found" ] || differ="$differ, $name has $found rows of $rows"
  done 3< "$work/rows" 4< "$work/counts"
  if [ -z "$differ" ]; then say "  good     $database: $tables tables with as many rows as before"
  else say "  DIFFERS  $database$differ"; bad=1; fi
}

one() {
  [ -n "$database" ] || return 0
  if restore_one "$@"; then compare "$@"; else say "  FAILED   $database: it is not whole on the server"; bad=1; fi
}

say "Restoring:"
database='' taking=''
while IFS=$tab read -r key first second third rest <&5; do
  case $key in
    database | missing | end)
      [ -z "$taking" ] || one "$@"
      taking=''
      [ "$key" = database ] || continue
      database=$(printf '%b_' "$first"); database=${database%_}
      [ -z "$only" ] || [ "$only" = "$database" ] || continue
      taking=1
      : > "$work/files"; : > "$work/rows"; : > "$work/counts.sql" ;;
    file) say "$first" >> "$work/files" ;;
    table) [ "$second" = view ] || {
      table=$(printf '%b_' "$first"); table=${table%_}
      printf '%s\t%s\n' "$second" "$first" >> "$work/rows"
      printf 'SELECT COUNT(*) FROM `%s`.`%s`;\n' "$(in_name "$database")" "$(in_name "$table")" >> "$work/counts.sql"; } ;;
  esac
done 5< "$kit/contents.txt"
[ -z "$bad" ] || fail "not everything is back: see above; nothing on this disk was changed, start again or try an older kit"
say "All is well. Look at the newest entries in your program now."
