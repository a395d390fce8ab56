/**
 * Readers for the body of a call: JSON, tags, Python, Gemma's notation. Each reads forward from a place and returns
 * undefined for what it does not understand; that does not say whether a call is meant.
 */
import { bracketEnd, isQuote, nextOf, objectAt, skipSpace, stringEnd, unquoted, type Member } from "./Scanning.ts"

/** A call as written. `args` is text that should be JSON, "" when there are none. */
export interface WrittenCall {
  readonly name: string
  readonly args: string
}

/** `whole` is false when brackets are missing at the very end, so that the reply may be truncated there. */
export interface Reading {
  readonly calls: ReadonlyArray<WrittenCall>
  readonly end: number
  readonly whole: boolean
}

/** `named` is what the opening mark captured. */
export type Reader = (text: string, at: number, named: string | undefined) => Reading | undefined

/**
 * One object, several, or a list of them: `{"name", "arguments"}` by various keys, also within `{"function": {…}}` and
 * `{"tool_calls": […]}`, and in a fence of its own.
 */
export const json: Reader = (text, at) => {
  const calls: Array<WrittenCall> = []
  let index = between(text, at)
  let whole = true
  while (text.charAt(index) === "{") {
    const entry = entryAt(text, index)
    if (entry === undefined) return undefined
    calls.push(...entry.calls)
    whole = entry.whole
    index = between(text, entry.end)
  }
  return calls.length === 0 ? undefined : { calls, end: index, whole }
}

/** The same for text without a mark: only an object with both a name and arguments may be a call. */
export const bareJson: Reader = (text, at, named) => {
  const reading = json(text, at, named)
  return reading === undefined || reading.calls.some(({ args }) => args === "") ? undefined : reading
}

/** Arguments `{…}` after a name in the opening mark. */
export const namedJson: Reader = (text, at, named) => {
  const from = between(text, at)
  const object = named === undefined ? undefined : objectAt(text, from)
  return object === undefined || named === undefined
    ? undefined
    : { calls: [{ name: named, args: text.slice(from, object.end) }], end: object.end, whole: object.closed }
}

/** A name, the marks that follow it in this form, and `{…}`. */
export const nameThenJson =
  (pattern: RegExp): Reader =>
  (text, at) => {
    const match = sticky(pattern, text, skipSpace(text, at))
    return match?.[1] === undefined ? undefined : namedJson(text, match.index + match[0].length, match[1])
  }

/** Qwen3-Coder's `<function=NAME>` with its parameters or with JSON. */
export const functionTags: Reader = (text, at) => {
  const match = sticky(/<function(?:=|\s+name=)["']?([\w.:/-]{1,100})["']?>/y, text, skipSpace(text, at))
  return match?.[1] === undefined ? undefined : parameters(text, match.index + match[0].length, match[1])
}

/** The content of `<function=NAME>` or `<invoke name="NAME">`. */
export const parameters: Reader = (text, at, named) =>
  named === undefined
    ? undefined
    : text.charAt(skipSpace(text, at)) === "{"
      ? namedJson(text, at, named)
      : tagged(text, at, named, {
          open: /<parameter(?:=|\s+name=)["']?([\w.:-]{1,100})["']?(?:\s+string=["']?\w+["']?)?>/y,
          begins: "<parameter",
          close: "</parameter>",
          ends: ["</function>", "</invoke>", "</tool_call>"]
        })

/** The same with the marks of DeepSeek's DSML. */
export const dsml: Reader = (text, at, named) =>
  named === undefined
    ? undefined
    : tagged(text, at, named, {
        open: /<｜DSML｜parameter\s+name=["']?([\w.:-]{1,100})["']?(?:\s+string=["']?\w+["']?)?>/y,
        begins: "<｜DSML｜parameter",
        close: "</｜DSML｜parameter>",
        ends: ["</｜DSML｜invoke>"]
      })

/** GLM's name and pairs of `<arg_key>` and `<arg_value>`. */
export const argKeys: Reader = (text, at) => {
  const match = sticky(/([\w.:/-]{1,100})[ \t]{0,20}(?=[\n<])/y, text, skipSpace(text, at))
  return match?.[1] === undefined
    ? undefined
    : tagged(text, match.index + match[0].length, match[1], {
        open: /<arg_key>([^<]{1,100})<\/arg_key>\s{0,20}<arg_value>/y,
        begins: "<arg_key>",
        close: "</arg_value>",
        ends: ["</tool_call>"]
      })
}

/** Python: `NAME(key="value")`, also in a list, on several lines, within `print(…)` or after `default_api.`. */
export const python: Reader = (text, at) => {
  const calls: Array<WrittenCall> = []
  let index = skipSpace(text, at)
  for (;;) {
    const match = sticky(/[[\s,;]{0,40}(?:\w{1,60}\s{0,3}=\s{0,3})?(print\s{0,3}\()?([\w.:]{1,100})\(/y, text, index)
    const [whole = "", print, name] = match ?? []
    if (match === null || name === undefined) break
    const list = argumentList(text, match.index + whole.length)
    if (list === undefined) return undefined
    calls.push({ name: name.replace(/\.call$/, ""), args: list.args })
    index = list.end
    if (print !== undefined) {
      index = skipSpace(text, index)
      if (text.charAt(index) !== ")") return undefined
      index++
    }
  }
  if (calls.length === 0) return undefined
  const end = skipSpace(text, index)
  return { calls, end: text.charAt(end) === "]" ? end + 1 : index, whole: true }
}

/** Gemma's `call:NAME{key:<|"|>value<|"|>}`. */
export const gemma: Reader = (text, at) => {
  const calls: Array<WrittenCall> = []
  let index = at
  for (;;) {
    const match = sticky(/[\s,]{0,40}call:([\w.:/-]{1,100})\s{0,5}(?=\{)/y, text, index)
    if (match?.[1] === undefined) break
    const from = match.index + match[0].length
    const end = bracketEnd(text, from)
    if (end === undefined) return undefined
    calls.push({ name: match[1], args: inJson(text.slice(from, end)) })
    index = end
  }
  return calls.length === 0 ? undefined : { calls, end: index, whole: true }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const sticky = (pattern: RegExp, text: string, at: number): RegExpExecArray | null => {
  pattern.lastIndex = at
  return pattern.exec(text)
}

/** Skips what may be between objects: brackets of a list, commas, a fence around them. */
const between = (text: string, at: number): number => {
  let index = at
  for (;;) {
    const before = index
    while (index < text.length && /[\s,;[\]]/.test(text.charAt(index))) index++
    const fence = sticky(/`{3,}[\w-]{0,20}/y, text, index)
    // the end of a fence that was opened earlier is skipped as well
    if (fence !== null && /[\s{[]|^$/.test(text.charAt(index + fence[0].length))) index += fence[0].length
    if (index === before) return index
  }
}

const nameKeys = ["name", "tool_name", "function", "action", "tool", "function_name"]
const argumentKeys = ["arguments", "parameters", "args", "input", "tool_input", "action_input", "params", "kwargs"]
const wrapperKeys = new Set(["function", "function_call", "tool_call", "tool_use", "call", "tool_calls", "calls"])
const otherKeys = new Set(["id", "type", "index", "tool_call_id", "call_id", "recipient"])

const entryAt = (text: string, at: number): Reading | undefined => {
  const object = objectAt(text, at)
  if (object === undefined) return undefined
  const { closed: whole, end, members } = object
  const keyed = new Map<string, Member>(members.map((member) => [member.key.toLowerCase(), member]))
  const inner = [...keyed].find(([key, { from }]) => wrapperKeys.has(key) && /[[{]/.test(text.charAt(from)))?.[1]
  if (inner !== undefined && [...keyed.keys()].every((key) => wrapperKeys.has(key) || otherKeys.has(key))) {
    const reading = json(text, inner.from, undefined)
    return reading === undefined ? undefined : { calls: reading.calls, end, whole: whole && reading.whole }
  }
  const name = firstOf(keyed, nameKeys, ({ from }) => isQuote(text, from, ":"))
  const args = firstOf(keyed, argumentKeys, () => true)
  if (name === undefined) return undefined
  if ([...keyed].some(([key, member]) => member !== name && member !== args && !otherKeys.has(key))) return undefined
  const written = args === undefined ? "" : text.slice(args.from, args.to).trim()
  return { calls: [{ name: unquoted(text.slice(name.from, name.to)), args: written }], end, whole }
}

const firstOf = (
  keyed: ReadonlyMap<string, Member>,
  keys: ReadonlyArray<string>,
  fits: (member: Member) => boolean
): Member | undefined => {
  for (const key of keys) {
    const member = keyed.get(key)
    if (member !== undefined && fits(member)) return member
  }
  return undefined
}

interface Tags {
  readonly open: RegExp
  /** The start of the opening tag, which ends a value whose own closing tag is missing. */
  readonly begins: string
  readonly close: string
  readonly ends: ReadonlyArray<string>
}

/** Values are raw text; the tool's schema determines their types. */
const tagged = (text: string, at: number, name: string, { begins, close, ends, open }: Tags): Reading | undefined => {
  const pairs: Array<readonly [string, string]> = []
  const closeFrom = nextOf(text, close)
  const nextFrom = nextOf(text, `\n${begins}`)
  const endsFrom = ends.map((end) => nextOf(text, end))
  let index = skipSpace(text, at)
  for (let match = sticky(open, text, index); match !== null; match = sticky(open, text, index)) {
    const from = match.index + match[0].length
    const own = closeFrom(from)
    const next = nextFrom(from)
    const isOwn = own !== -1 && (next === -1 || own < next)
    const others = [next, ...endsFrom.map((after) => after(from))].filter((place) => place !== -1)
    const to = isOwn ? own : Math.min(...others)
    if (!Number.isFinite(to)) return undefined
    pairs.push([
      (match[1] ?? "").trim(),
      text
        .slice(from, to)
        .replace(/^\r?\n/, "")
        .replace(/\r?\n$/, "")
    ])
    index = skipSpace(text, isOwn ? to + close.length : to)
  }
  // anything but the end means that a tag was truncated or misspelt
  if (!ends.some((end) => text.startsWith(end, index)) && (pairs.length === 0 || index < text.length)) return undefined
  return { calls: [{ name, args: JSON.stringify(Object.fromEntries(pairs)) }], end: index, whole: true }
}

/** `key=value, …)` as the text of an object, or the object itself when that is the only argument. */
const argumentList = (text: string, at: number): { readonly args: string; readonly end: number } | undefined => {
  const start = skipSpace(text, at)
  if (text.charAt(start) === "{") {
    const end = bracketEnd(text, start)
    const close = end === undefined ? start : skipSpace(text, end)
    return end !== undefined && text.charAt(close) === ")"
      ? { args: text.slice(start, end), end: close + 1 }
      : undefined
  }
  const parts: Array<string> = []
  let index = start
  for (;;) {
    index = skipSpace(text, index)
    if (text.charAt(index) === ")") return { args: `{${parts.join(", ")}}`, end: index + 1 }
    const match = sticky(/(\w{1,100})\s{0,9}=\s{0,9}(?!=)/y, text, index)
    if (match?.[1] === undefined) return undefined
    const from = match.index + match[0].length
    const to = literalEnd(text, from)
    if (to === undefined) return undefined
    parts.push(`${JSON.stringify(match[1])}: ${inJson(text.slice(from, to).trim())}`)
    index = text.charAt(to) === "," ? to + 1 : to
  }
}

/** The end of the literal: before the comma or the closing bracket of the list. */
const literalEnd = (text: string, at: number): number | undefined => {
  let index = at
  let before = "="
  while (index < text.length) {
    const char = text.charAt(index)
    if (char === "," || char === ")") return index
    const end = isQuote(text, index, before)
      ? stringEnd(text, index)
      : "([{".includes(char)
        ? bracketEnd(text, index)
        : index + 1
    if (end === undefined) return undefined
    if (char.trim() !== "") before = char
    index = end
  }
  return undefined
}

/** Converts strings that are not JSON, between marks or triple quotes, into JSON strings. */
const inJson = (text: string): string => {
  let result = ""
  let from = 0
  let before = ":"
  for (let index = 0; index < text.length; index++) {
    if (isQuote(text, index, before)) {
      const end = stringEnd(text, index) ?? text.length
      const foreign = text.charAt(index) === "<" || /^("""|''')/.test(text.slice(index, index + 3))
      if (foreign) {
        result += text.slice(from, index) + JSON.stringify(unquoted(text.slice(index, end)))
        from = end
      }
      index = end - 1
    }
    const char = text.charAt(index)
    if (char.trim() !== "") before = char
  }
  return result + text.slice(from)
}
