# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Completion of csumbpf for bash. The table is made from the commands.

# What may stand after the words of a command: as an option's value, as options, or at a position among the arguments.
_csumbpf_table() {
	answer=none
	case $1 in
@TABLE@
	*) return 1 ;;
	esac
}

# What only the host knows. Names are data: none of them is expanded.
_csumbpf_ask() {
	local name line
	case $1 in
	interfaces) for name in /sys/class/net/*; do echo "${name##*/}"; done ;;
	namespaces) ip netns list 2>/dev/null | while read -r name _; do echo "$name"; done ;;
	vnis) csumbpf discover 2>/dev/null | while read -r name line _; do [[ $name != vni ]] || echo "${line%:}"; done ;;
	esac
}

_csumbpf() {
	local current=${COMP_WORDS[COMP_CWORD]} command='' option='' word answer line list='' i place=0
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $option ]]; then
			# bash makes '=' a word of its own.
			[[ $word = '=' ]] || option=
		elif [[ $word = -* ]]; then
			! _csumbpf_table "$command $word" || option=$word
		elif _csumbpf_table "$command 0" && [[ " ${answer#words } " = *" $word "* && $answer = words* && $place = 0 ]]; then
			command=${command:+$command }$word
		else
			place=$((place + 1))
		fi
	done
	[[ $current != '=' ]] || current=
	if [[ $option ]]; then
		_csumbpf_table "$command $option"
	elif [[ $current = -* ]]; then
		_csumbpf_table "$command options"
	else
		_csumbpf_table "$command $place" || return 0
	fi
	case $answer in
	files)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	commands) _csumbpf_table ' 0' ;;
	vnis) # a list with commas
		list=${current%"${current##*,}"}
		current=${current##*,}
		;;
	esac
	while IFS= read -r line; do
		[[ $line != "$current"* || -z $line ]] || COMPREPLY+=("$list$(printf %q "$line")")
	done < <(case $answer in
		words\ *) printf '%s\n' ${answer#words } ;;
		?*) _csumbpf_ask "$answer" ;;
		esac)
}

complete -F _csumbpf csumbpf
