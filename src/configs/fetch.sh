# Prints configuration files. Arguments: the most bytes of one file, then paths and patterns.
#   F BYTES MODE PATH, then so many bytes   a file
#   X WORD PATH                             what cannot be had: missing, folder, unreadable, large
#   Z                                       that was all
hs_most=$1
shift
IFS=
for hs_pattern in "$@"; do
  case $hs_pattern in "~/"*) hs_pattern=$HOME/${hs_pattern#"~/"} ;; esac
  for hs_file in $hs_pattern; do
    case $hs_file in *'
'*) continue ;; esac
    if [ -d "$hs_file" ]; then echo "X folder $hs_file"
    elif [ ! -e "$hs_file" ] || [ ! -f "$hs_file" ]; then echo "X missing $hs_file"
    elif ! hs_size=$(wc -c 2>/dev/null <"$hs_file" | tr -d ' '); [ -z "$hs_size" ]; then echo "X unreadable $hs_file"
    elif [ "$hs_size" -gt "$hs_most" ]; then echo "X large $hs_file"
    else
      hs_mode=$(stat -L -c %a -- "$hs_file" 2>/dev/null || stat -L -f %Lp -- "$hs_file" 2>/dev/null || echo -)
      printf 'F %s %s %s\n' "$hs_size" "$hs_mode" "$hs_file"
      # Always so many bytes, also of a file that shrinks now.
      { cat -- "$hs_file"; cat /dev/zero; } 2>/dev/null | head -c "$hs_size"
    fi
  done
done
echo Z
