# Completion of baton for fish. The program itself knows its commands and options; where it knows nothing, files it is.
function __baton_complete
    set -l words (commandline -opc)
    set -l current "$(commandline -ct)"
    set -l candidates ($words[1] complete -- $words[2..] $current 2>/dev/null)
    if set -q candidates[1]
        printf '%s\n' $candidates
    else
        __fish_complete_path $current
    end
end
complete -c baton -f -a '(__baton_complete)'
