#!/usr/bin/env bash
# What the place where hosts look at each instruction (vm.Machine.Before) costs
# while nobody looks: the kernels as they are, and with its test cut out of the
# source. Both take turns; the best time of each counts.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${ROUNDS:-25}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

sed '/if m.Before != nil {/,/}/d' vm/loop_host.go >"$dir/loop_host.go"
if cmp -s vm/loop_host.go "$dir/loop_host.go"; then echo "the test is not where it was" >&2; exit 1; fi
printf '{"Replace": {"%s": "%s"}}\n' "$PWD/vm/loop_host.go" "$dir/loop_host.go" >"$dir/overlay.json"
go test -c -o "$dir/with" ./bench
go test -c -overlay "$dir/overlay.json" -o "$dir/without" ./bench

# The machine code: how many instructions each function has, and whether they
# are the same, whatever addresses they have.
code() { go tool objdump -s "/vm.\(\*Machine\).$2\$" "$dir/$1" | awk '/0x[0-9a-f]+\t/ { print $4 }'; }
echo "| function | as it is | without the test | |"
echo "|---|---:|---:|---|"
for f in loopHost loop execute Run; do
  code with $f >"$dir/a"
  code without $f >"$dir/b"
  same=differ
  if cmp -s "$dir/a" "$dir/b"; then same="the same"; fi
  echo "| $f | $(wc -l <"$dir/a") | $(wc -l <"$dir/b") | $same |"
done
echo

cp "$dir/with" "$dir/again" # which tells how far times can be trusted
cd bench
for ((i = 0; i < rounds; i++)); do
  order="with without again"
  if ((i % 2)); then order="again without with"; fi
  for which in $order; do
    "$dir/$which" -test.run '^$' -test.bench Container -test.benchtime 10ms |
      awk -v which=$which '/^BenchmarkContainer/ { sub(/.*\//, "", $1); sub(/-[0-9]+$/, "", $1); print which, $1, $3 }'
  done
done | awk '
  { key = $1 " " $2; if (!(key in best) || $3 < best[key]) best[key] = $3; if ($1 == "with" && !seen[$2]++) names[++n] = $2 }
  END {
    print "| kernel | as it is | without the test | ratio | as it is, again |"
    print "|---|---:|---:|---:|---:|"
    for (i = 1; i <= n; i++) {
      a = best["with " names[i]]; b = best["without " names[i]]
      c = best["again " names[i]]
      printf "| %s | %.4g ns | %.4g ns | %.3f | %.3f |\n", names[i], a, b, a / b, a / c
      sum += log(a / b); control += log(a / c)
    }
    printf "| geometric mean | | | %.3f | %.3f |\n", exp(sum / n), exp(control / n)
  }'
