/** Completion scripts: each passes the line to `lms-bridge complete`, and shows the answer in the way of its shell. */

export const shells = ["bash", "zsh", "fish"] as const

export type Shell = (typeof shells)[number]

export const of = (shell: Shell): string => scripts[shell].trimStart()

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** In these texts `@{` is the shell's `${`. */
const dollars = (text: TemplateStringsArray) => text.raw.join("").replaceAll("@{", "${")

const bash = dollars`
# bash completion for lms-bridge: source <(lms-bridge --completions bash)
_lms_bridge() {
  local line=$COMP_LINE words=() word answer value kind i
  # bash splits words at ":" and "=", which are a part of names
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=@{COMP_WORDS[i]}
    if [[ $i -gt 0 && $line != [[:space:]]* ]]; then
      words[@{#words[@]}-1]+=$word
    else
      words+=("$word")
    fi
    line=@{line#"@{line%%[![:space:]]*}"}
    line=@{line#"$word"}
  done
  local current=@{words[@{#words[@]}-1]} path
  path=@{current##*=}
  # what stands before the last of them is not replaced
  local kept=@{current%"@{current##*[:=]}"}
  COMPREPLY=()
  while IFS= read -r answer; do
    value=@{answer%%$'\t'*}
    case $value in
      :files | :folders)
        compopt -o filenames 2>/dev/null
        [[ $value == :files ]] && kind=-f || kind=-d
        while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen "$kind" -- "$path")
        ;;
      *) COMPREPLY+=("$(printf %q "@{value#"$kept"}")") ;;
    esac
  done < <("@{words[0]/#\~\//$HOME/}" complete -- "@{words[@]:1}" 2>/dev/null)
  if [[ @{#COMPREPLY[@]} -eq 1 && @{COMPREPLY[0]} == *, ]]; then compopt -o nospace 2>/dev/null; fi
}
complete -F _lms_bridge lms-bridge
`

const zsh = dollars`
#compdef lms-bridge
# zsh completion for lms-bridge: source <(lms-bridge --completions zsh), after compinit
_lms_bridge() {
  local -a values shown
  local answer value
  local program=@{words[1]/#\~\//$HOME/}
  for answer in "@{(@f)$("$program" complete -- "@{(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
    value=@{answer%%$'\t'*}
    case $value in
      "") ;;
      :files) [[ $PREFIX == --*=* ]] && compset -P '*='; _files ;;
      :folders) [[ $PREFIX == --*=* ]] && compset -P '*='; _files -/ ;;
      *)
        values+=("$value")
        if [[ $answer == *$'\t'* ]]; then shown+=("$value  -- @{answer#*$'\t'}"); else shown+=("$value"); fi
        ;;
    esac
  done
  if (( @{#values} )); then compadd -l -d shown -a values; fi
}
if [[ $funcstack[1] == _lms_bridge ]]; then
  _lms_bridge "$@"
else
  compdef _lms_bridge lms-bridge
fi
`

const fish = dollars`
# fish completion for lms-bridge: lms-bridge --completions fish | source
function __lms_bridge_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  set -l program (string replace -r '^~/' "$HOME/" -- $words[1])
  # a path after "--files=" is completed on its own
  set -l kept (string match -r '^--[^=]*=' -- "$current")
  set -l path (string replace -r '^--[^=]*=' '' -- "$current")
  for answer in ($program complete -- $words[2..-1] "$current" 2>/dev/null)
    switch $answer
      case ':files'
        printf "$kept%s\n" (__fish_complete_path "$path")
      case ':folders'
        printf "$kept%s\n" (__fish_complete_directories "$path")
      case '*'
        echo $answer
    end
  end
end
complete -c lms-bridge -f -a '(__lms_bridge_complete)'
`

const scripts: Readonly<Record<Shell, string>> = { bash, zsh, fish }
