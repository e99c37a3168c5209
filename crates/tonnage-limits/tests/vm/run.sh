#!/bin/sh
# Runs the tests of the running kernel (tests/kernel) in a virtual machine whose
# control groups are version 2 alone, for hosts that have version 1 or both: first at
# the real root, then alone in a group as a delegated scope would be. Needs
# qemu-system-x86_64 and cpio, and a kernel image:
#
#     apt-get install qemu-system-x86 cpio
#     apt-get download linux-image-6.1.0-…-cloud-amd64 && dpkg-deb -x …deb kernel
#     sh crates/tonnage-limits/tests/vm/run.sh kernel/boot/vmlinuz-… [test names]
set -eu
kernel=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root/bin" "$root/proc" "$root/sys" "$root/dev" "$root/tmp" "$root/run"

cargo=${CARGO:-cargo}
test=$("$cargo" test -p tonnage-limits --features privileged-tests --test kernel --no-run \
    --message-format json | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
cp "$test" "$root/bin/kernel-tests"
ln -s bin "$root/sbin"
for program in sh cat head mkdir mount seq setsid sleep tail; do
    cp "$(command -v $program)" "$root/bin/$program"
done
# Every library that one of them wants, at its own path.
for program in "$root"/bin/*; do
    ldd "$program" 2>/dev/null | grep -o '/[^ ]*' || true
done | sort -u | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done

# Not run: what needs Python, or a hybrid host.
names="--skip looking_costs --skip without_version_2 $*"
cat > "$root/init" <<INIT
#!/bin/sh
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo "controllers: \$(cat /sys/fs/cgroup/cgroup.controllers)"
echo "== at the real root"
kernel-tests --nocapture --test-threads 1 $names && echo "PASSED root"
echo "== alone in a group"
mkdir /sys/fs/cgroup/scope
sh -c 'echo 0 > /sys/fs/cgroup/scope/cgroup.procs; exec kernel-tests --nocapture --test-threads 1 $names' && echo "PASSED scope"
echo "== left over"
cat /sys/fs/cgroup/scope/tonnage-owner/cgroup.procs
for folder in /sys/fs/cgroup/tonnage /sys/fs/cgroup/scope/tonnage; do
    [ -d \$folder ] && echo "LEFT \$folder"
done
echo o > /proc/sysrq-trigger
sleep 10
INIT
chmod +x "$root/init"
(cd "$root" && find . | cpio --quiet -o -H newc) > "$work/initramfs"
# Nested virtualisation does not work everywhere; ACCEL=tcg does without.
accel=${ACCEL:-kvm:tcg}
timeout 600 qemu-system-x86_64 -accel $accel -smp 2 -m 1024 -nographic -no-reboot \
    -kernel "$kernel" -initrd "$work/initramfs" \
    -append "console=ttyS0 quiet panic=-1 psi=1" < /dev/null | tee "$work/log"
grep -q "PASSED root" "$work/log" && grep -q "PASSED scope" "$work/log" && ! grep -q LEFT "$work/log"
