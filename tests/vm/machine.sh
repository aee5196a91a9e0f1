# SPDX-License-Identifier: Apache-2.0
# Sourced by what starts guests, after debian.sh.
#
#   choose_machine   sets accel (kvm or tcg), and the array machine, smp and tuning (words of the kernel's command line)
#                    for it, from arch, native and name (of kernels.tsv), accel (if it is chosen already), instructions
#   take_slot        waits until fewer than two guests run on this machine; the slot is descriptor 8

vm=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")

choose_machine() {
	instructions=${instructions:-no}
	# Uses KVM if it boots this kernel, else emulation. That /dev/kvm exists is not enough: some hosts hang every guest.
	if [ "$arch" != "$native" ]; then
		accel=tcg
	elif [ -z "$accel" ]; then
		works=$cache/kvm-$(uname -r)-$name fails=$cache/no-kvm-$(uname -r)
		if [ -f "$fails" ]; then
			# The host is the cause, so after one kernel hung no other is tried.
			accel=tcg
		elif [ -f "$works" ]; then
			accel=kvm
		elif [ -w /dev/kvm ] && CSUMBPF_ACCEL=kvm "$vm/run" --kernel "$name" --timeout 20 -- true >/dev/null 2>&1; then
			accel=kvm
			touch "$works"
		else
			accel=tcg
			touch "$fails"
		fi
	fi

	smp=2 tuning=
	case $accel in
	kvm) machine=(-accel kvm -cpu host) ;;
	tcg)
		# Avoids what costs more than half of the time in emulation and is not tested: workarounds for faults of processors, a
		# device as clock, and random addresses, for which qemu translates each program again whenever it starts.
		tuning="mitigations=off norandmaps"
		if [ $arch = amd64 ]; then
			# One thread for both processors. With one each, a processor of qemu 7.2 may execute an instruction that the other one
			# patched long ago (before 8.1 qemu translates without holding the page). x86 patches by way of int3, so the kernel
			# panics ("Oops: int3") or hangs within seconds of switching static keys under load (selftest). One thread costs
			# nothing if two guests share two processors.
			# Without fast string instructions (erms, fsrm), because an emulated "rep movsb" goes byte by byte, and the kernel
			# would copy and clear pages with it.
			machine=(-accel tcg,thread=single -cpu max,-erms,-fsrm)
			tuning+=" tsc=reliable"
		elif [[ $name = *-16k ]]; then
			# A cortex-a57 has no pages of 16 KiB. In the emulation of a newer processor, signing pointers (pauth) costs most.
			machine=(-accel tcg,thread=multi -cpu max,pauth=off)
		else
			machine=(-accel tcg,thread=multi -cpu cortex-a57)
		fi
		;;
	*) fail "unknown accelerator $accel" ;;
	esac
	if [ $instructions = yes ]; then
		machine=(-accel tcg,thread=single -icount shift=0,sleep=off -cpu max)
		smp=1
		tuning=
	elif [ "$accel/$arch" = tcg/amd64 ]; then
		tuning+=" tsc_early_khz=$("$vm/clock-rate")"
	fi
}

# At most two guests run at once on a machine, because an emulated one keeps two processors busy.
take_slot() {
	local slots slot
	slots=$cache/slots
	mkdir -p "$slots"
	for ((slot = 1; ; slot = 3 - slot)); do
		exec 8>"$slots/$slot"
		if flock -w 1 8; then break; fi
	done
}
