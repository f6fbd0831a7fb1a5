# Completion of baton for bash. The program itself knows its commands and options; where it knows nothing, files it is.
_baton() {
  local IFS=$'\n'
  # shellcheck disable=SC2207  # one candidate a line, none with a space in it
  COMPREPLY=($("${COMP_WORDS[0]}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f 1))
}
complete -o default -F _baton baton
