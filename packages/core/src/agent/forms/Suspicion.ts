/**
 * Finds text that looks like a call of an offered tool in a form that is not in the table: tags, JSON with other keys,
 * `NAME(key="value")` on a line of its own, "Action: NAME" with an input. The model is asked about it; it is never run.
 */
import { codeSpans, type CodeSpans } from "./CodeSpans.ts"

/** A tool by the name that the model sees, and the names of its parameters. */
export interface OfferedTool {
  readonly name: string
  readonly parameters: ReadonlyArray<string>
}

/** Where such text begins, and which tool it names. */
export interface Suspect {
  readonly start: number
  readonly name: string
  /** Whether it is between backticks, so that the text may only mention it. */
  readonly mentioned?: boolean
}

/** The first suspect; undefined when there is none. */
export const suspect = (text: string, tools: ReadonlyArray<OfferedTool>): Suspect | undefined => {
  const named = tools.filter(({ name }) => text.includes(name))
  if (named.length === 0) return undefined
  const byName = new Map(named.map((tool) => [tool.name, tool]))
  const code = codeSpans(text)
  const found: Array<Suspect> = []
  const lines = linesOf(text)
  for (const [index, { start, text: line }] of lines.entries()) {
    const tool = lineNames(line, byName)
    if (tool === undefined) continue
    const place = start + line.indexOf(tool.name)
    if (code.fenceAt(place) === undefined && code.isInline(place)) {
      const [, alone] = /^\s{0,9}`([^`]{1,2000})`[.:]?\s{0,9}$/.exec(line) ?? []
      if (alone !== undefined && isCallLine(alone, tool, true)) found.push({ start, name: tool.name, mentioned: true })
      continue
    }
    const fenced = code.fenceAt(place) !== undefined
    const following = lines.slice(index + 1, index + 4).map(({ text }) => text)
    if (isCallLine(line, tool, fenced) || isHeading(line, tool, following)) found.push({ start, name: tool.name })
  }
  found.push(...tagsOf(text, byName, code), ...objectsOf(text, byName))
  return found.toSorted((a, b) => a.start - b.start)[0]
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type ByName = ReadonlyMap<string, OfferedTool>

const linesOf = (text: string) => {
  const lines: Array<{ readonly start: number; readonly text: string }> = []
  let start = 0
  for (const line of text.split("\n")) {
    if (line.length <= 4000) lines.push({ start, text: line })
    start += line.length + 1
  }
  return lines
}

/** The first word of the line that is an offered tool. */
const lineNames = (line: string, byName: ByName): OfferedTool | undefined => {
  for (const [word] of line.matchAll(/[\w-]{1,100}/g)) {
    const tool = byName.get(word)
    if (tool !== undefined) return tool
  }
  return undefined
}

/** Whether a line is only `NAME(path="/a")`, `NAME({…})`, `NAME {…}`, `NAME: {…}` or `/NAME path=/a`. */
const isCallLine = (line: string, { name, parameters }: OfferedTool, fenced: boolean): boolean => {
  const bare = line.trim().replace(/^(?:[-*>$]|\d{1,3}[.)])\s{1,3}|^\[|^\*\*[\w ]{1,30}:\*\*\s{1,3}/, "")
  const at = bare.indexOf(name)
  const before = bare.slice(0, at)
  const after = bare.slice(at + name.length)
  const isLead =
    /^(?:(?:print\(|await |call[: ]|calling |tool[: ]|action[: ]|run[: ]|use[: ])?[\w.:]{0,40}[.:])?$|^(?:print\(|await |calls? |calling |invoke |tool: ?|action: ?|\/|@|>>> ?|\w{1,40} ?= ?(?:await )?)[\w.]{0,40}$/i.test(
      before
    )
  // arguments right after the name, with any marks before it
  const takes = ["}", ...parameters.map((key) => `"${escaped(key)}"\\s{0,3}:`)].join("|")
  if (!isLead) return isMarks(before) && new RegExp(`^[\\s:=(|>]{0,4}\\{\\s{0,9}(?:${takes})`).test(after)
  const keyed = parameters.some((key) => new RegExp(`(?:^|[^\\w])${escaped(key)}["']?\\s{0,3}[:=]`).test(after))
  if (/^\s{0,3}\(/.test(after) && /[)\];]$/.test(after)) {
    return keyed || /^\(\s{0,9}\{/.test(after) || (!fenced && /^\((?:\)|["'])/.test(after))
  }
  return /^\s{0,3}[:=]?\s{0,3}\{/.test(after) || (/^[/@]/.test(before) && keyed)
}

/** Whether the text is marks rather than a sentence: at most two words, and something that is not a word. */
const isMarks = (before: string): boolean =>
  /[^\w\s.,'"-]/.test(before) && (before.match(/[A-Za-z]+/g) ?? []).length <= 2

/** Whether a line is "Action: NAME", followed by an input on the next lines. */
const isHeading = (line: string, { name, parameters }: OfferedTool, following: ReadonlyArray<string>): boolean => {
  if (
    new RegExp(`^\\W{0,9}${escaped(name)}\\W{0,9}$`).test(line) &&
    following.some((next) => /^\s{0,9}\{\s{0,9}["}]/.test(next))
  ) {
    return true
  }
  const heading = new RegExp(
    `^\\W{0,9}(?:action|tool|tool[ _]name|tool[ _]call|function|function[ _]name|name|call|recipient)\\W{0,5}[:=]\\W{0,5}${escaped(name)}\\W{0,9}$`,
    "i"
  )
  if (heading.test(line)) {
    return following.some(
      (next) =>
        /^\W{0,9}(?:action[ _])?(?:tool[ _])?(?:inputs?|arguments|args|parameters|params)\W{0,5}[:=]/i.test(next) ||
        parameters.some((key) => new RegExp(`^\\W{0,9}${escaped(key)}\\W{0,3}[:=]`, "i").test(next))
    )
  }
  return new RegExp(`^\\W{0,9}action\\W{0,5}[:=]\\W{0,5}${escaped(name)}\\W{0,2}[[({]`, "i").test(line)
}

const escaped = (text: string) => text.replaceAll(/[^\w]/g, String.raw`\$&`)

/** `<NAME>…`, `<call name="NAME">`, `<tool>NAME</tool>`, `[[NAME …]]`, `{{NAME …}}`. */
const tagsOf = (text: string, byName: ByName, code: CodeSpans): ReadonlyArray<Suspect> => {
  const found: Array<Suspect> = []
  const take = (start: number, name: string | undefined) => {
    if (name === undefined || !byName.has(name)) return
    if (code.fenceAt(start) !== undefined || !code.isInline(start)) found.push({ start, name })
  }
  for (const match of text.matchAll(/<\|?([\w-]{1,100})(?=[\s>/|])/g)) {
    const name = match[1]
    const tool = byName.get(name ?? "")
    if (name === undefined || tool === undefined) continue
    const fenced = code.fenceAt(match.index) !== undefined
    const rest = text.slice(match.index, match.index + 4000)
    // a page or a program may have a tag of this name
    if (fenced && !tool.parameters.some((key) => rest.includes(`<${key}>`) || rest.includes(`${key}=`))) continue
    if (rest.includes(`</${name}>`) || /^[^>]{0,2000}\/>/.test(rest) || /^<[\w-]{1,100}>\s{0,9}[<{]/.test(rest)) {
      take(match.index, name)
    }
  }
  for (const match of text.matchAll(
    /<[\w|:-]{0,40}(?:call|tool|func|invoke|action|use|run|exec|command)[\w|:-]{0,40}\s{1,5}(?:name|tool|function|tool_name|id)\s{0,2}=\s{0,2}["']([\w-]{1,100})["']/g
  )) {
    take(match.index, match[1])
  }
  for (const match of text.matchAll(
    /<(?:tool|tool_name|name|function|action|recipient|function_name)>\s{0,9}([\w-]{1,100})\s{0,9}<\//g
  )) {
    take(match.index, match[1])
  }
  for (const match of text.matchAll(/(?:\[\[|\{\{|<<)\s{0,3}([\w-]{1,100})[\s:(|]/g)) {
    if (code.fenceAt(match.index) === undefined) take(match.index, match[1])
  }
  for (const match of text.matchAll(/<\|?[\w:|-]{0,40}call[\w:|-]{0,40}>\s{0,9}([\w-]{1,100})/gi))
    take(match.index, match[1])
  return found
}

/** Objects with an offered tool's name as a value and arguments under other keys, or with the name as a key. */
const objectsOf = (text: string, byName: ByName): ReadonlyArray<Suspect> => {
  const found: Array<Suspect> = []
  for (const match of text.matchAll(/"([\w-]{1,100})"/g)) {
    const tool = byName.get(match[1] ?? "")
    if (tool === undefined) continue
    const before = text.slice(Math.max(0, match.index - 400), match.index)
    const opening = before.lastIndexOf("{")
    if (opening === -1) continue
    const start = Math.max(0, match.index - 400) + opening
    const after = text.slice(match.index + match[0].length, match.index + match[0].length + 1500)
    const isKey = /\{\s{0,40}$/.test(before)
    const isValue = /["']?\w{1,40}["']?\s{0,9}:\s{0,9}$/.test(before)
    if (isKey && /^\s{0,9}:\s{0,9}\{/.test(after)) found.push({ start, name: tool.name })
    const near = before.slice(opening) + after
    const takes = tool.parameters.some((key) => new RegExp(`["']${escaped(key)}["']\\s{0,9}:`).test(near))
    if (isValue && (takes || /^\s{0,9},\s{0,9}"\w{1,40}"\s{0,9}:\s{0,9}\{/.test(after))) {
      found.push({ start, name: tool.name })
    }
  }
  return found
}
