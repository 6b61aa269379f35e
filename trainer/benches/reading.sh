#!/usr/bin/env bash
# How long `mamlet data check` takes to read rows, beside `wc -l` and a program that does
# nothing but split lines at commas and parse numbers; and its memory beside that of the
# samples it keeps.
#
#   trainer/benches/reading.sh [MAMLET]
#
# MAMLET is target/release/mamlet if not given. It makes some 120 MB of files in a temporary
# folder.
set -euo pipefail
mamlet=$(realpath "${1:-target/release/mamlet}")
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"

python3 - <<'PYTHON'
import os, random
draw = random.Random(1)
def rows(count, begin):
    for at in range(begin, begin + count):
        x, y, z = (f"{draw.gauss(0, 4):.4f}" for _ in range(3))
        yield f"{at // 100},g{at // 100 % 5},{x},{y},{z}\n"
for name in ("big", "small"):
    os.mkdir(name)
    with open(f"{name}/recordings.toml", "w") as file:
        file.write('label = "what"\nrecording = ["take"]\nrate = 50.0\n')
header = "take,what,AccX,AccY,AccZ\n"
with open("big/anna.csv", "w") as file:
    file.write(header)
    file.writelines(rows(2_000_000, 0))
for at in range(10_000):
    with open(f"small/user{at}.csv", "w") as file:
        file.write(header)
        file.writelines(rows(200, at * 200))
PYTHON

cat > parse.rs <<'RUST'
use std::io::{BufRead, BufReader};
fn main() {
    let (mut sum, mut line) = (0f32, String::new());
    for path in std::env::args().skip(1) {
        let mut file = BufReader::new(std::fs::File::open(path).unwrap());
        while file.read_line(&mut line).unwrap() > 0 {
            let numbers = line.trim_end().split(',').skip(2);
            sum += numbers.filter_map(|cell| cell.parse::<f32>().ok()).sum::<f32>();
            line.clear();
        }
    }
    println!("{sum}");
}
RUST
rustc -O parse.rs

# Seconds and MiB of a command: the fastest of five.
measure() {
    python3 - "$@" <<'PYTHON'
import os, subprocess, sys, time
best, most = float("inf"), 0
for _ in range(5):
    start = time.perf_counter()
    pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=[
        (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
    _, status, usage = os.wait4(pid, 0)
    assert status == 0, sys.argv[1]
    best = min(best, time.perf_counter() - start)
    most = max(most, usage.ru_maxrss / 1024)
print(f"{best:.3f} s {most:6.0f} MiB", end="")
PYTHON
}

for name in big small; do
    files=("$name"/*.csv)
    cat "${files[@]}" > all.csv
    echo "$name: ${#files[@]} files, $(du -m all.csv | cut -f1) MB"
    echo "  wc -l        $(measure wc -l "${files[@]}")"
    echo "  parse alone  $(measure ./parse "${files[@]}")"
    echo "  data check   $(measure "$mamlet" data check "$name")"
done
echo "samples kept: $((2000000 * 3 * 4 / 1048576)) MiB"
