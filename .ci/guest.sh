# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# What the guest suite boots: QEMU, a kernel of Debian's with its modules, and an initramfs around a
# busybox; kernel and busybox are unpacked here and never installed. Made when the suite is asked for, and
# kept in build/guest. What cannot be had is no failure: build/guest/missing then says why, and the suite's
# tests are skipped with it. Read by ../dev after setup.sh.

setup_guest() { locked install_guest; }

install_guest() {
	local stamp
	stamp=$(digest_of "$(cat .ci/guest.sh tests/guest/init.sh tests/guest/modules.txt)")
	! unchanged build/guest/stamp "$stamp" || [ -n "$(missing_packages .ci/guest-packages.txt)" ] || return 0
	say "preparing the guest"
	rm -rf build/guest
	mkdir -p build/guest/tree/{bin,dev,host,proc,sys,lib/modules} build/guest/unpacked
	if guest_packages && guest_downloads && guest_tree; then
		guest_initramfs
		rm -rf build/guest/{tree,unpacked,*.deb}
		echo "$stamp" >build/guest/stamp
	else
		say "the guest suite will be skipped: $(cat build/guest/missing)"
	fi
}

guest_lacks() {
	echo "$1" >build/guest/missing
	return 1
}

guest_packages() {
	local missing
	[ "$(dpkg --print-architecture)" = amd64 ] || guest_lacks "the guest needs an amd64 host" || return
	missing=$(missing_packages .ci/guest-packages.txt | xargs)
	[ -z "$missing" ] || apt_install "$missing" ||
		guest_lacks "these Debian packages cannot be installed: $missing (see build/apt.log)"
}

# Package lists older than the mirror are renewed.
guest_downloads() {
	{ guest_download || { apt-get -q update && guest_download; }; } >>build/apt.log 2>&1 ||
		guest_lacks "busybox-static or linux-image-*-amd64 cannot be downloaded (see build/apt.log)"
}

# The kernel is the one that linux-image-amd64 stands for.
guest_download() (
	kernel=$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p')
	[ -n "$kernel" ] && cd build/guest &&
		apt-get -q -o Acquire::Retries=2 download busybox-static "${kernel%%$'\n'*}"
)

guest_tree() {
	unpack_guest 2>>build/apt.log || guest_lacks "busybox or the kernel's package has unexpected contents"
}

unpack_guest() {
	local module file from=build/guest/unpacked to=build/guest/tree wanted=('./boot/vmlinuz-*')
	while read -r module _; do
		case $module in '' | '#'*) continue ;; esac
		wanted+=("*/$module.ko*")
	done <tests/guest/modules.txt
	dpkg-deb -x build/guest/busybox-static_*.deb $from || return
	# tar fails for modules that this kernel has not, or has built in.
	dpkg-deb --fsys-tarfile build/guest/linux-image-*.deb | tar -x -C $from --wildcards "${wanted[@]}" || true
	while read -r file; do
		module=$to/lib/modules/$(basename "${file%.ko*}").ko
		case $file in
		*.xz) xz -dc "$file" >"$module" || return ;;
		*) cp "$file" "$module" || return ;;
		esac
	done < <(find $from -name '*.ko*')
	cp $from/boot/vmlinuz-* build/guest/vmlinuz || return
	cp "$(find $from -path '*/bin/busybox')" $to/bin/ || return
	[ -e $to/lib/modules/9p.ko ]
}

guest_initramfs() {
	cp tests/guest/init.sh build/guest/tree/init
	cp tests/guest/modules.txt build/guest/tree/
	(cd build/guest/tree && find . | cpio -o -H newc --quiet | gzip -1) >build/guest/initrd.gz
}
