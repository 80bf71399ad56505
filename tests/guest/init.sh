#!/bin/busybox sh
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# The guest's init, from the initramfs: it loads the modules, puts the host's files under /host, read-only
# but for /run and the run's share, and becomes systemd, which finds its units in the share; or what the
# share's `start` says, where the host has no systemd. Whatever happens, the guest ends by itself.

bb=/bin/busybox
$bb mount -t proc proc /proc
$bb mount -t sysfs sysfs /sys
$bb mount -t devtmpfs devtmpfs /dev

while read -r module _; do
	case $module in '' | '#'*) continue ;; esac
	[ ! -e "/lib/modules/$module.ko" ] || $bb insmod "/lib/modules/$module.ko" ||
		echo "init: module $module not loaded"
done </modules.txt

options=trans=virtio,version=9p2000.L,msize=524288
$bb mount -t 9p -o "$options,ro,cache=loose" root /host || echo "init: no files of the host"
$bb mount -t proc proc /host/proc
$bb mount -t sysfs sysfs /host/sys
$bb mount -t devtmpfs devtmpfs /host/dev
# Not over /tmp: the product may well be installed below it.
$bb mount -t tmpfs -o mode=755 tmpfs /host/run
$bb mkdir /host/run/share
$bb mount -t 9p -o "$options,cache=none" share /host/run/share || echo "init: no share"

if [ -x /host/lib/systemd/systemd ]; then
	export SYSTEMD_UNIT_PATH=/run/share/units SYSTEMD_GENERATOR_PATH=/run/share/none
	$bb umount /proc /sys /dev
	exec $bb switch_root -c /dev/console /host /lib/systemd/systemd
fi
{
	$bb sleep 840
	echo "init: the guest's time is over"
	$bb poweroff -f
} &
$bb chroot /host /bin/sh /run/share/start
$bb poweroff -f
