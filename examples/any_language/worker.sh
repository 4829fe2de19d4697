#!/usr/bin/env bash
# A worker in bash and awk: takes trial after trial, waits where the study wants to decide, stops,
# pauses and resumes. It walks down f(x) = (x - 3)^2 with the step size `lr`.
#
#     clavier run worker.toml
set -u
wire=${CLAVIER_FD:?this is a worker: start it by "clavier run worker.toml"}
# Programs called from here need neither the socket nor its name.
unset CLAVIER_FD

say() { echo "$1" >&"$wire"; }
# field NAME: the value of a number or a string without escapes in the message $line.
field() {
  if [[ $line =~ \"$1\":\ *\"([^\"]*)\" ]]; then echo "${BASH_REMATCH[1]}"
  elif [[ $line =~ \"$1\":\ *([-+.0-9a-zA-Z]+) ]]; then echo "${BASH_REMATCH[1]}"
  else echo null; fi
}

save() { # save NAME: the state, all of it or nothing.
  mkdir -p "$directory/.$1.part" &&
    echo "$x" > "$directory/.$1.part/x" &&
    mv "$directory/.$1.part" "$directory/$1"
}

# Writes a checkpoint of this step and leaves as $1.
leave() {
  local name
  name=$(printf 'checkpoint_%06d_%d' "$step" "$launch")
  kind=failed
  if save "$name"; then
    say "{\"type\":\"checkpoint\",\"step\":$step,\"checkpoint\":\"$name\"}"
    kind=$1
  fi
}

# Sets $kind to how the trial ended, or leaves it empty to go on.
obey() {
  case $(field type) in
    continue) until=$(field until) ;;
    stop) if [[ $at_end == true ]]; then leave stopped; else kind=stopped; fi ;;
    pause) leave paused ;;
  esac
}

train() {
  local trial launch directory checkpoint step until at_end lr kind="" x=0
  trial=$(field trial) launch=$(field launch) directory=$(field directory)
  checkpoint=$(field checkpoint) step=$(field step) until=$(field until)
  at_end=$(field checkpoint_at_end) lr=$(field lr)
  if [[ $checkpoint != null ]]; then read -r x < "$checkpoint/x"; fi
  while [[ -z $kind && $step -lt 10 ]]; do
    step=$((step + 1))
    x=$(awk -v x="$x" -v lr="$lr" 'BEGIN { printf "%.17g", x - lr * 2 * (x - 3) }')
    loss=$(awk -v x="$x" 'BEGIN { printf "%.17g", (x - 3) ^ 2 }')
    say "{\"type\":\"report\",\"trial\":$trial,\"launch\":$launch,\"step\":$step,\"metrics\":{\"loss\":$loss}}"
    while [[ -z $kind && $until != null && $step -ge $until ]]; do
      read -r -u "$wire" line || exit 0 # The tuner is gone.
      obey
    done
    while [[ -z $kind ]] && read -r -t 0 -u "$wire"; do # Without waiting: is there anything?
      read -r -u "$wire" line || exit 0
      obey
    done
  done
  if [[ -z $kind && $at_end == true ]]; then leave completed; fi
  say "{\"type\":\"exited\",\"trial\":$trial,\"launch\":$launch,\"kind\":\"${kind:-completed}\"}"
}

say '{"type":"hello","version":1,"resume":true,"several":true,"name":"worker.sh"}'
while read -r -u "$wire" line; do
  case $(field type) in
    start) train ;;
    quit) exit 0 ;;
  esac
done
