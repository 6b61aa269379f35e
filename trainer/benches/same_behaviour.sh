#!/usr/bin/env bash
# Whether two versions of mamlet train and export the same, byte for byte.
#
#   trainer/benches/same_behaviour.sh BASE [DATA]
#
# builds the commit BASE and the working tree, trains a config of every kind for 200
# iterations with each (fewer where one takes long), and compares the resolved config,
# metrics.jsonl and the exported artifact. Configs whose data is not in DATA are passed over
# by name. OLD and NEW may name programs that are built already, and ONLY the configs, by a
# regular expression.
set -euo pipefail
root=$(git rev-parse --show-toplevel)
base=${1:?usage: same_behaviour.sh BASE [DATA]}
export MAMLET_DATA=${2:-${MAMLET_DATA:-}}
work=$(mktemp -d)
trap 'rm -rf "$work"; git -C "$root" worktree prune' EXIT
git -C "$root" worktree add --quiet --detach "$work/base" "$base"

build() { # checkout, name
  cargo build --quiet --release --manifest-path "$1/Cargo.toml" -p mamlet-trainer --bin mamlet \
    --target-dir "$root/target"
  cp "$root/target/release/mamlet" "$work/$2"
}
if [ -n "${OLD:-}" ]; then cp "$OLD" "$work/old"; else build "$work/base" old; fi
if [ -n "${NEW:-}" ]; then cp "$NEW" "$work/new"; else build "$root" new; fi

# name, then overrides; "-" before a name: it exports no artifact.
runs='
sinusoid
sinusoid-best
sinusoid-context
sinusoid-first-order
-sinusoid-pretraining
-sinusoid-oracle
-sinusoid-averaging-l2-to-mean averaging.networks=20 averaging.block=10 meta.iterations=300 averaging.iterations=200
waveforms
waveforms-head
-omniglot-5way-1shot-reptile meta.iterations=30
omniglot-fc-5way-1shot-cavia meta.iterations=100
-omniglot-micro meta.iterations=60 meta.statistics_from=30
-omniglot-prototypical meta.iterations=20
-omniglot-pretraining meta.iterations=20
-omniglot-5way-1shot-meta-sgd meta.iterations=20
gestures-wrist
-gestures-new-classes meta.iterations=50
calibration-sensors
calibration-ocean-thermometer
calibration-raingauge
'
same=0 differ=0 passed_over=0
while read -r name sets; do
  [ -n "$name" ] && [[ $name =~ ${ONLY:-.} ]] || continue
  exports=yes
  case $name in -*) exports=no; name=${name#-} ;; esac
  options=(--set meta.iterations=200 --set record.every=20 --set record.validate_every=100
    --set record.validation_tasks=40)
  for set in $sets; do options+=(--set "$set"); done
  missing=
  for version in old new; do
    checkout=$root
    [ "$version" = new ] || checkout=$work/base
    config=$(find "$checkout/trainer/configs" -name "$name.toml")
    run=$work/runs-$version/$name
    if ! (cd "$checkout" && "$work/$version" train "$config" "${options[@]}" --run "$run" \
      > "$work/log" 2>&1); then
      missing=$(tail -n 1 "$work/log")
      break
    fi
    if [ "$exports" = yes ]; then
      (cd "$checkout" && "$work/$version" export "$run" --output "$run/exported.mamlet" \
        > "$work/log" 2>&1) || tail -n 2 "$work/log"
      [ -e "$run/exported.mamlet" ] || continue
      # Both say which commit made them.
      commit=$("$work/$version" inspect "$run/exported.mamlet" | sed -n 's/.*commit //p')
      LC_ALL=C sed -i "s/$commit/------------/" "$run/exported.mamlet"
    fi
  done
  if [ -n "$missing" ]; then
    echo "passed over  $name: $missing"
    passed_over=$((passed_over + 1))
    continue
  fi
  verdict=same
  for file in config.toml metrics.jsonl exported.mamlet; do
    [ "$file" != exported.mamlet ] || [ "$exports" = yes ] || continue
    # An artifact begins with its checksum, which is of the commit too.
    skip=0
    [ "$file" != exported.mamlet ] || skip=32
    if ! cmp -s -i "$skip" "$work/runs-old/$name/$file" "$work/runs-new/$name/$file"; then
      verdict="differs: $file"
      break
    fi
  done
  echo "$verdict  $name"
  if [ "$verdict" = same ]; then same=$((same + 1)); else differ=$((differ + 1)); fi
done <<< "$runs"
echo "$same same, $differ different, $passed_over passed over"
[ "$differ" -eq 0 ]
