# Begun as: hs_listen (seconds), then set -- ADDRESS ..., then this text. Tells of each address, one line each:
#   ADDRESS answered MAC   (a line for every one that answers)
#   ADDRESS silent
#   ADDRESS cannot WORDS   (it cannot be asked for from here)
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin
hs_do=
[ "$(id -u)" = 0 ] || hs_do='sudo -n'
# How often it is asked; where a part of a second is nothing that can be waited for, once.
hs_tries=1
timeout 0.1 true 2>/dev/null && hs_tries='1 2 3'
# One that answers is listened to until the time is over: a second owner may be slower.
hs_arping() {
  if [ "$hs_tries" != 1 ]; then timeout -s INT "$hs_listen" $hs_do arping -b -c 3 -w 1 -I "$hs_dev" "$1" 2>&1
  else $hs_do arping -b -c 3 -w 1 -I "$hs_dev" "$1" 2>&1; fi
}
hs_one() {
  hs_way=$(ip -o -4 route get "$1" 2>/dev/null)
  case $hs_way in
    '') echo "$1 cannot there is no route to it"; return ;;
    local*) echo "$1 cannot it is held there"; return ;;
    *' via '*) echo "$1 cannot it is behind a router"; return ;;
  esac
  hs_dev=${hs_way#* dev }
  hs_dev=${hs_dev%% *}
  hs_link=
  read -r hs_link 2>/dev/null <"/sys/class/net/$hs_dev/carrier"
  [ "$hs_link" = 1 ] || { echo "$1 cannot $hs_dev has no link"; return; }
  for hs_try in $hs_tries; do
    hs_said=$(hs_arping "$1")
    hs_status=$?
    hs_macs=$(echo "$hs_said" | sed -n 's/.* reply from .*\[\([0-9A-Fa-f:]*\)\].*/\1/p' | tr A-F a-f | sort -u)
    if [ -n "$hs_macs" ]; then
      for hs_mac in $hs_macs; do echo "$1 answered $hs_mac"; done
      return
    fi
    case $hs_status in 0 | 1 | 124 | 130 | 143) ;; *) echo "$1 cannot $(echo "$hs_said" | tail -n 1)"; return ;; esac
  done
  echo "$1 silent"
}
command -v ip >/dev/null || { echo "hotspare: ip is missing: apt-get install iproute2" >&2; exit 215; }
command -v arping >/dev/null || { echo "hotspare: arping is missing: apt-get install iputils-arping" >&2; exit 215; }
case $(arping -h 2>&1) in *[Aa][Rr][Pp]\ answer*) ;; *)
  echo "hotspare: this arping is another one: apt-get install iputils-arping" >&2
  exit 215
  ;;
esac
for hs_address; do hs_one "$hs_address" & done
wait
exit 0
