#!/bin/sh
# The first process of the emulated machine: runs the tests that the kernel's command line names,
# writes their results to the serial port that it names, and ends the machine.
export PATH=/usr/bin HOME=/root TERM=dumb CI=1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
# As udev makes them.
ln -s /proc/self/fd /dev/fd
ln -s fd/0 /dev/stdin
mkdir -p /dev/shm /dev/pts
mount -t tmpfs tmp /dev/shm
mount -t devpts pts /dev/pts
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
ip link set lo up
while read -r module; do modprobe "$module"; done < /modules.list
for word in $(cat /proc/cmdline); do
  case $word in conntrack.*) export "CONNTRACK_GUEST_${word#conntrack.}" ;; esac
done
ulimit -n 65536
cd /conntrack || exit 1
export CONNTRACK_TEST_EMULATED=1
files=$(echo "$CONNTRACK_GUEST_files" | sed 's/,/ /g')
echo "guest: $(uname -r), tests: ${files:-all}"
# shellcheck disable=SC2086
node node_modules/vitest/vitest.mjs run --project kernel --reporter=default --reporter=json \
  --outputFile=/tmp/results.json $files
cat /tmp/results.json > "$CONNTRACK_GUEST_results"
echo "guest: ended"
sync
echo o > /proc/sysrq-trigger
sleep 60
