# Begun as: set -- ADDRESS ..., then this text. Ends with 0 where all are silent, 2 where one answers, 3 where that cannot be told.
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin
hs_do=; hs_wait=0.1
[ "$(id -u)" = 0 ] || { hs_do='sudo -n'; hs_wait=0.2; }
command -v arping >/dev/null || { echo "cannot ask: arping is missing on the spare: apt-get install iputils-arping"; exit 3; }
arping -h 2>&1 | grep -qi 'arp answer' || { echo "cannot ask: the arping of the spare is another one: apt-get install iputils-arping"; exit 3; }
hs_one() {
  hs_way=$(ip -o -4 route get "$1" 2>/dev/null | head -n 1)
  case $hs_way in
    '' ) echo "cannot ask: the spare has no route to $1"; return 3 ;;
    local*) echo "cannot ask: the spare itself holds $1"; return 3 ;;
    *' via '*) if ping -n -c 2 -i 0.2 -W 1 "$1" >/dev/null 2>&1; then echo "$1 answers a ping"; return 2; fi
      echo "cannot ask: $1 is behind a router, where silence proves nothing"; return 3 ;;
  esac
  hs_dev=$(echo "$hs_way" | sed -n 's/.* dev \([^ ]*\).*/\1/p')
  [ "$(cat "/sys/class/net/$hs_dev/carrier" 2>/dev/null)" = 1 ] || { echo "cannot ask: $hs_dev of the spare has no link"; return 3; }
  for hs_try in 1 2; do
    if timeout 0.1 true 2>/dev/null; then hs_said=$(timeout "$hs_wait" $hs_do arping -D -c 1 -w 1 -I "$hs_dev" "$1" 2>&1)
    else hs_said=$($hs_do arping -D -c 1 -w 1 -I "$hs_dev" "$1" 2>&1); fi
    hs_status=$?
    hs_mac=$(echo "$hs_said" | sed -n 's/.*reply from .*\[\([0-9A-Fa-f:]*\)\].*/\1/p' | head -n 1)
    [ -z "$hs_mac" ] || { echo "$1 is answered by $hs_mac"; return 2; }
    case $hs_status in 0 | 124 | 143) ;; *) echo "cannot ask: $(echo "$hs_said" | tail -n 1)"; return 3 ;; esac
  done
}
# Silence is heard only on a wire that carries: whoever is there, the console or the way to it, must be heard each time. Where
# no wire is between the console and the spare, or another protocol, it is the gateway.
hs_near=${SSH_CONNECTION%% *}
hs_way=$(ip -o -4 route get "$hs_near" 2>/dev/null | head -n 1)
case $hs_way in '' | local*) hs_near=; hs_way=$(ip -o -4 route show default 2>/dev/null | head -n 1) ;; esac
case $hs_way in *' via '*) hs_near=$(echo "$hs_way" | sed -n 's/.* via \([^ ]*\).*/\1/p') ;; esac
hs_sound() {
  [ -n "$hs_near" ] || return 5
  hs_dev=$(echo "$hs_way" | sed -n 's/.* dev \([^ ]*\).*/\1/p')
  for hs_try in 1 2 3 4 5 6 7 8; do
    if timeout 0.1 true 2>/dev/null; then timeout "$hs_wait" $hs_do arping -q -c 1 -w 1 -I "$hs_dev" "$hs_near" >/dev/null 2>&1
    else $hs_do arping -q -c 1 -w 1 -I "$hs_dev" "$hs_near" >/dev/null 2>&1; fi || return 4
  done
}
for hs_round in 1 2 3; do
  hs_sound & hs_pids=$!
  for hs_address; do hs_one "$hs_address" & hs_pids="$hs_pids $!"; done
  hs_worst=0 hs_lossy=
  for hs_pid in $hs_pids; do
    wait "$hs_pid"; hs_status=$?
    if [ "$hs_status" -ge 4 ]; then hs_lossy=$hs_status
    elif [ "$hs_status" -gt "$hs_worst" ]; then hs_worst=$hs_status; fi
  done
  [ "$hs_worst" = 0 ] && [ -n "$hs_lossy" ] || exit "$hs_worst"
done
if [ "$hs_lossy" = 5 ]; then echo "cannot tell: the spare hears nothing from it, and has nobody to ask whether its wire carries: the engine runs on it or came by IPv6, and it has no gateway"
else echo "cannot tell: the spare hears nothing from it, but does not hear every answer of $hs_near either: the network loses packets"; fi
exit 3
