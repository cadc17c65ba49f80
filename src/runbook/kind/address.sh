# Begun as: hs_take, hs_drop (address/length or empty), hs_dev, hs_dry (yes or empty) are set, then this text.
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin:/opt/homebrew/sbin
hs_stop() { echo "hotspare: $1" >&2; exit 215; }
hs_do=
if [ "$(id -u)" != 0 ]; then
  hs_do='sudo -n'
  sudo -n true 2>/dev/null || hs_stop "addresses need root: log in as root, or let $(id -un) use sudo without a password"
fi
hs_wait=0.1
[ -n "$hs_do" ] && hs_wait=0.2
hs_ip=${hs_take%/*}
hs_out=${hs_drop%/*}

# The guard looked when this began; what hung since then comes late, and somebody else may have acted.
hs_current() {
  [ -n "${HOTSPARE_GENERATION-}" ] || return 0
  for hs_file in "$HOTSPARE_GENERATIONS"*; do
    hs_seen=${hs_file##*.}
    case $hs_seen in '' | *[!0-9]*) continue ;; esac
    [ "$hs_seen" -le "$HOTSPARE_GENERATION" ] && continue
    echo "hotspare: refused: this host has seen generation $hs_seen, and this step is of generation $HOTSPARE_GENERATION" >&2
    exit 213
  done
}

hs_linux_ready() {
  command -v ip >/dev/null || hs_stop "ip is missing: apt-get install iproute2"
  [ -e "/sys/class/net/$hs_dev" ] || hs_stop "there is no device $hs_dev; there are: $(cd /sys/class/net && echo *)"
  [ -z "$hs_ip" ] && return
  command -v arping >/dev/null || hs_stop "arping is missing: apt-get install iputils-arping"
  # One look at both: which arping it is, and whether timeout understands a part of a second.
  hs_help=$(timeout 0.2 arping -h 2>&1)
  case $hs_help in *[Aa][Rr][Pp]\ answer*) hs_limit=yes ;; *) hs_help=$(arping -h 2>&1) ;; esac
  case $hs_help in *[Aa][Rr][Pp]\ answer*) ;; *) hs_stop "this arping is another one: apt-get install iputils-arping" ;; esac
  hs_link=
  read -r hs_link 2>/dev/null <"/sys/class/net/$hs_dev/carrier"
  [ "$hs_link" = 1 ] || hs_stop "$hs_dev has no link: look at its cable"
}
# The address with its length as the device has it; once for each length.
hs_held() { ip -o -4 addr show dev "$hs_dev" | awk -v a="$1" '{ split($4, p, "/"); if (p[1] == a) print $4 }'; }
# A limit of a part of a second, where this timeout understands one; arping itself knows whole ones.
hs_limit=
hs_arping() { if [ -n "$hs_limit" ]; then timeout "$hs_wait" $hs_do arping "$@"; else $hs_do arping "$@"; fi; }
# Two questions to the wire, 100 ms each; hs_mac is the first that answers and is not this machine.
hs_listen() {
  for hs_try in 1 2; do
    hs_said=$(hs_arping -D -c 1 -w 1 -I "$hs_dev" "$hs_ip" 2>&1)
    hs_status=$?
    case $hs_status in 0 | 1 | 124 | 143) ;; *) hs_stop "arping cannot ask: $(echo "$hs_said" | tail -n 1)" ;; esac
    hs_mac=
    case $hs_said in *' reply from '*\[*\]*) hs_mac=${hs_said#*" reply from "*\[} hs_mac=${hs_mac%%\]*} ;; esac
    if [ -n "$hs_mac" ]; then
      hs_low=$(echo "$hs_mac" | tr A-F a-f)
      grep -qix "$hs_low" /sys/class/net/*/address 2>/dev/null && [ -n "$(hs_held "$hs_ip")" ] || return 0
      hs_mac=
      continue
    fi
    [ "$hs_status" != 1 ] || hs_stop "arping cannot ask: $(echo "$hs_said" | tail -n 1)"
  done
}
# Any answer stops.
hs_ask() {
  hs_listen
  [ -z "$hs_mac" ] && return
  echo "hotspare: taken: $hs_ip is answered by $hs_mac" >&2
  exit 216
}
# Five frames of each form at once: the sender waits a while after each, which nobody else has to wait for.
hs_shout() {
  for hs_form in -U -A; do hs_arping -q $hs_form -c 1 -w 1 -I "$hs_dev" "$hs_ip" >/dev/null 2>&1 </dev/null & done
}
hs_announce() {
  hs_shout
  (for hs_try in 2 3 4 5; do hs_shout; done) >/dev/null 2>&1 </dev/null &
}
# Where the device has the subnet already, the address alone is enough, and no other address hangs on it.
hs_linux_length() {
  hs_len=${hs_take#*/}
  [ -n "$(ip -o -4 route show match "$hs_ip" dev "$hs_dev" scope link)" ] && hs_len=32
}
hs_linux_take() {
  # What there is to look up is looked up while the wire is asked; nothing is taken before that has ended well.
  hs_began=$(date +%s)
  hs_ask &
  hs_asking=$!
  hs_linux_length
  hs_has=$(hs_held "$hs_ip")
  wait "$hs_asking" || exit $?
  if [ -z "$hs_has" ]; then
    # Whoever stood still since then asks again: somebody may have come meanwhile.
    [ "$(($(date +%s) - hs_began))" -lt 2 ] || hs_ask
    hs_current
    $hs_do ip addr replace "$hs_ip/$hs_len" dev "$hs_dev" || hs_stop "ip addr replace $hs_ip/$hs_len dev $hs_dev failed"
  fi
  echo "hotspare:phase announce"
  hs_announce
  [ -n "$(hs_held "$hs_ip")" ] || hs_stop "$hs_ip is not on $hs_dev although it was added"
}
# One occurrence of the address, with its length.
hs_drop_one() {
  hs_held "$hs_out" | grep -qxF "$1" || return 0
  hs_knob=/proc/sys/net/ipv4/conf/$hs_dev/promote_secondaries
  # Without this, removing the first address of a subnet removes every other one of it.
  hs_was=$(cat "$hs_knob" 2>/dev/null)
  if [ "$hs_was" = 0 ] && [ "$(cat /proc/sys/net/ipv4/conf/all/promote_secondaries 2>/dev/null)" != 1 ] &&
    ip -o -4 addr show dev "$hs_dev" | grep -q ' secondary ' && ! ip -o -4 addr show dev "$hs_dev" | grep -F " $1 " | grep -q ' secondary '; then
    echo 1 | $hs_do tee "$hs_knob" >/dev/null || hs_stop "$1 is the first address of its subnet on $hs_dev: removing it would remove others with it, and $hs_knob cannot be set"
  fi
  # What was sent before and hung may have removed it in this moment.
  $hs_do ip addr del "$1" dev "$hs_dev" || ! hs_held "$hs_out" | grep -qxF "$1" || hs_stop "ip addr del $1 dev $hs_dev failed"
  [ "$(cat "$hs_knob" 2>/dev/null)" = "$hs_was" ] || echo "$hs_was" | $hs_do tee "$hs_knob" >/dev/null
}
# An address may be there several times, with different lengths: every one of them is the same address to its clients.
hs_linux_drop() {
  hs_olds=$(hs_held "$hs_out")
  [ -z "$hs_olds" ] && return
  hs_others=$(ip -o -4 addr show dev "$hs_dev" | awk -v a="$hs_out" '{ split($4, p, "/"); if (p[1] != a) print $4 }')
  for hs_old in $hs_olds; do hs_drop_one "$hs_old"; done
  for hs_other in $hs_others; do
    [ -n "$(hs_held "${hs_other%/*}")" ] || $hs_do ip addr add "$hs_other" dev "$hs_dev"
  done
  [ -z "$(hs_held "$hs_out")" ] || hs_stop "$hs_out is still on $hs_dev although it was removed"
}

hs_mac_held() { ifconfig "$hs_dev" | grep -q "inet $1 "; }
hs_mac_ask() {
  hs_mac_held "$hs_ip" && return
  $hs_do arp -d "$hs_ip" >/dev/null 2>&1
  ping -c 1 -t 1 "$hs_ip" >/dev/null 2>&1
  hs_mac=$(arp -n "$hs_ip" 2>/dev/null | sed -n 's/.* at \([0-9a-f:]*:[0-9a-f:]*\) .*/\1/p')
  [ -z "$hs_mac" ] && return
  echo "hotspare: taken: $hs_ip is answered by $hs_mac" >&2
  exit 216
}
hs_mac_take() {
  hs_current
  $hs_do ifconfig "$hs_dev" alias "$hs_ip" 255.255.255.255 || hs_stop "ifconfig $hs_dev alias $hs_ip failed"
  echo "hotspare:phase announce"
  # The system announces an address whenever it is set.
  for hs_try in 1 2 3 4; do $hs_do ifconfig "$hs_dev" alias "$hs_ip" 255.255.255.255; done
  hs_mac_held "$hs_ip" || hs_stop "$hs_ip is not on $hs_dev although it was added"
}
hs_mac_drop() {
  hs_mac_held "$hs_out" || return
  $hs_do ifconfig "$hs_dev" -alias "$hs_out" || hs_stop "ifconfig $hs_dev -alias $hs_out failed"
}

if [ -d /sys/class/net ]; then hs_system=Linux; else hs_system=$(uname); fi
case $hs_system in
Linux)
  hs_linux_ready
  if [ -n "$hs_hold" ]; then
    [ -n "$(hs_held "$hs_ip")" ] || { echo vanished; exit 0; }
    hs_announce
    hs_listen
    if [ -n "$hs_mac" ]; then echo "contested $hs_mac"; else echo held; fi
  elif [ -n "$hs_dry" ]; then
    [ -z "$hs_ip" ] || hs_ask
  else
    [ -z "$hs_out" ] || hs_linux_drop
    [ -z "$hs_ip" ] || hs_linux_take
  fi
  ;;
Darwin)
  ifconfig "$hs_dev" >/dev/null 2>&1 || hs_stop "there is no device $hs_dev; there are: $(ifconfig -l)"
  if [ -n "$hs_hold" ]; then
    hs_mac_held "$hs_ip" || { echo vanished; exit 0; }
    $hs_do ifconfig "$hs_dev" alias "$hs_ip" 255.255.255.255
    echo held
  elif [ -n "$hs_dry" ]; then
    [ -z "$hs_ip" ] || hs_mac_ask
  else
    [ -z "$hs_out" ] || hs_mac_drop
    [ -z "$hs_ip" ] || { hs_mac_ask; hs_mac_take; }
  fi
  ;;
*) hs_stop "addresses are moved on Linux and macOS, not on $hs_system" ;;
esac
exit 0
