/** What a program says before it fails, as the one line that helps: without stack, progress and advice. Pure. */

/** "" when nothing was said. Never more than one line. */
export const usefulIn = (printed: string): string => {
  const lines = printed
    .replaceAll(escapes, "")
    .split(/\r\n|[\r\n]/)
    .map((line) => line.slice(0, mostOfLine).trimEnd())
  for (const find of finders) {
    const found = find(lines)
    if (found !== undefined && found !== "") return oneLine(found)
  }
  return oneLine(
    lines
      .filter((line) => line.trim() !== "" && !noise.test(line))
      .slice(-3)
      .join(" ")
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Find = (lines: ReadonlyArray<string>) => string | undefined

/** Colours, and the movements of a progress bar. */
const escapes = /\u001B(?:\[[0-9;?]*[A-Za-z]|\][^\u0007]*\u0007)/g

/** Longer than any message that a person reads at a glance. */
const most = 400

/** What a pattern looks at: a program may print a line of any length. */
const mostOfLine = 1000

const oneLine = (text: string): string => {
  const line = text.replaceAll(/\s+/g, " ").trim()
  return line.length > most ? `${[...line].slice(0, most - 1).join("")}…` : line
}

/** Lines around a message: the frames of a stack, carets, brackets, and the version of Node. */
const noise = /^\s*(?:at .+|File ".+", line \d+.*|[~^|\s]+|[{}[\](),;]+|Node\.js v\d\S*|throw .+;?|node:\S+:\d+)$/

/** npm: an error code, then the reason, then advice and the place of a log. */
const npm: Find = (lines) => {
  const said = lines.flatMap((line) => {
    const text =
      /^npm (?:error|ERR!)(?: (?:\d{3}|code \S+|errno \S+|syscall \S+|network))?(.*)$/.exec(line)?.[1]?.trim() ?? ""
    return text === "" || /^(?:A complete log|Note that|tarball, folder|path |dest |signal )/.test(text) ? [] : [text]
  })
  return said.find((text) => /not in this registry|failed, reason:/.test(text)) ?? said[0]
}

/** uv and uvx: the reason hangs below the summary, over several lines. */
const uv: Find = (lines) => {
  const at = lines.findLastIndex((line) => /^\s*╰─▶/.test(line))
  if (at === -1) return undefined
  const rest = lines.slice(at + 1)
  const end = rest.findIndex((line) => !/^\s{6}\S/.test(line))
  return [lines[at]?.replace(/^\s*╰─▶\s*/, ""), ...rest.slice(0, end === -1 ? undefined : end)].join(" ")
}

const docker: Find = (lines) => lines.findLast((line) => /^docker: \S/.test(line))?.slice("docker: ".length)

/** Rust says it on the line below. */
const panic: Find = (lines) => {
  const at = lines.findLastIndex((line) => /^panic: |^thread '.*' .*panicked at /.test(line))
  const line = lines[at]
  return line === undefined ? undefined : line.startsWith("panic: ") ? line : lines[at + 1]
}

/** The end of a Python traceback, or the head of a JavaScript or Java stack: what is outermost and last counts. */
const thrown: Find = (lines) => {
  const line = lines.findLast((text) => exception.test(text))
  const [, name = "", said = ""] = (line === undefined ? undefined : exception.exec(line)) ?? []
  return said === "" ? name : name === "Error" ? said : `${name}: ${said}`
}

/** `Error`, `TypeError [CODE]`, `mcp.shared.exceptions.McpError`, also in the frame of a Python exception group. */
const exception =
  /^(?:[ |+-]*\| )?(?:Uncaught |Exception in thread "[^"]*" )?((?:[A-Za-z_][\w$]*\.)*[A-Z]\w*(?:Error|Exception)|Error|Exception|KeyboardInterrupt)(?: \[[A-Z][A-Z0-9_]*\])?(?:: (.*))?$/

/** Deno, Bun, uv, and many others; what caused it comes last. */
const errorWord: Find = (lines) => {
  const at = lines.findLastIndex((line) => /^(?:error|fatal)(?:\[\w+\])?: \S/i.test(line))
  const line = lines[at]
  if (line === undefined) return undefined
  const causes = lines.slice(at + 1).flatMap((text) => /^\s+(?:Caused by: |\d+: )(.+)$/.exec(text)?.[1] ?? [])
  return [line.replace(/^\w+(?:\[\w+\])?: /, ""), ...causes].join(": ")
}

/** The shell's word for a program that is not there. */
const shell: Find = (lines) => lines.findLast((line) => /: (?:command )?not found$/.test(line))

const finders: ReadonlyArray<Find> = [npm, uv, docker, panic, thrown, errorWord, shell]
