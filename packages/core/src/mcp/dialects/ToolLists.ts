/**
 * Which tools an entry allows, in the format of any client. Pure. If a key looks like such a list but is not
 * understood, the entry is refused, because the list may be an exclusion.
 */

export interface ToolLists {
  /** A tool has to be in every one of these lists. */
  readonly allowed: ReadonlyArray<ReadonlyArray<string>>
  readonly excluded: ReadonlyArray<string>
}

export type Meaning =
  | { readonly _tag: "Lists"; readonly lists: ToolLists }
  /** It concerns something else, or is empty. */
  | { readonly _tag: "Nothing" }
  /** It looks like a list of tools, but its meaning is unknown. */
  | { readonly _tag: "Unknown" }

/** What a key of an entry says about tools. `emptyIsAll`: for Goose, an empty list of available tools means all. */
export const meaningOf = (key: string, value: unknown, options: { readonly emptyIsAll: boolean }): Meaning => {
  if (value === null || value === undefined) return nothing
  const word = key.toLowerCase().replaceAll(/[^a-z]/g, "")
  if (excluding.test(word) || denying.test(word)) return excludedBy(value)
  if (withoutAsking.test(word)) return deniedIn(value)
  if (including.test(word)) {
    const names = namesIn(value)
    if (names === undefined) return unknown
    return names.length === 0 && options.emptyIsAll ? nothing : lists({ allowed: [names], excluded: [] })
  }
  const holds = typeof value === "object"
  if (!aboutTools.test(word)) {
    if (!holds) return nothing
    return bareVerb.test(word) ? unknown : within(value, options, nestedLevels)
  }
  if (word === "tools" || word === "tool") return toolsOf(value)
  const judges = typeof value === "string" && judging.test(word)
  return holds || judges ? unknown : nothing
}

/**
 * Whether the tool may be used. Exclusions ignore case, may name the tool with its server (`mcp__db__drop`, `db.drop`),
 * and use `*` for any characters.
 */
export const allows = (
  server: string,
  tool: string,
  {
    allowed,
    excluded
  }: { readonly allowed?: ReadonlyArray<string> | undefined; readonly excluded?: ReadonlyArray<string> | undefined }
): boolean => {
  const names = namesOf(server, tool)
  const matched = (patterns: ReadonlyArray<string>, exactly: boolean) =>
    patterns.some((pattern) =>
      exactly ? matches(pattern.trim(), tool) : names.some((name) => matches(pattern.trim().toLowerCase(), name))
    )
  return (allowed === undefined || matched(allowed, true)) && !matched(excluded ?? [], false)
}

/** Whether a text matches a pattern, in which `*` stands for any characters. Takes linear time. */
export const matches = (pattern: string, text: string): boolean => {
  const parts = pattern.split("*")
  const [first = ""] = parts
  if (parts.length === 1) return pattern === text
  const last = parts.at(-1) ?? ""
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false
  let from = first.length
  const end = text.length - last.length
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, from)
    if (found === -1 || found + part.length > end) return false
    from = found + part.length
  }
  return true
}

/** The names in a list, in any notation; undefined when it is not a list of names. */
export const namesIn = (value: unknown): ReadonlyArray<string> | undefined => {
  if (typeof value === "string") return value.split(/[\s,;]+/).filter((name) => name !== "")
  if (!Array.isArray(value)) return undefined
  const names = (value as ReadonlyArray<unknown>).map((item) =>
    typeof item === "string" ? item.replace(/\(.*$/s, "").trim() : undefined
  )
  return names.every((name) => name !== undefined) ? names : undefined
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const nothing: Meaning = { _tag: "Nothing" }
const unknown: Meaning = { _tag: "Unknown" }
const lists = (found: ToolLists): Meaning => ({ _tag: "Lists", lists: found })

/** Permission to run without asking, by which another client marks trust. Our own policy asks anyway. */
const withoutAsking = /^(always|auto)(allow|approve|run|accept|confirm)|^trust|approv|confirm|withoutasking/

const verbs = {
  out: "exclud(?:e|ed|ing)|disabl(?:e|ed)|disallow(?:ed)?|den(?:y|ied)|block(?:ed)?|forbid(?:den)?|hid(?:e|den)|ignored?|skip(?:ped)?|remov(?:e|ed)|ban(?:ned)?|omit(?:ted)?|except|suppress(?:ed)?|blacklist(?:ed)?|blocklist(?:ed)?|denylist(?:ed)?",
  in: "includ(?:e|ed|ing)|enabl(?:e|ed)|allow(?:ed)?|only|available|permit(?:ted)?|expos(?:e|ed)|select(?:ed)?|active|whitelist(?:ed)?|allowlist(?:ed)?"
}
const noun = "(?:mcp)?tool(?:s|names?|list|filter)?"
const excluding = new RegExp(`^(?:${verbs.out})${noun}$|^${noun}(?:to)?(?:${verbs.out})$`)
const including = new RegExp(`^(?:${verbs.in})${noun}$|^${noun}(?:to)?(?:${verbs.in})$`)
const judging = new RegExp(`${verbs.out}|${verbs.in}`)
const aboutTools = /tool|permission|capabilit|functions?$|actions?$|filters?$|^configs$|^defaultconfig$/
/** `alwaysDeny`, `neverAllow`: opposites of permissions to run without asking. */
const denying = new RegExp(
  `^(?:always|auto|never)(?:${verbs.out}|reject(?:ed)?|refuse)|^never(?:${verbs.in}|run|use|call|approve)`
)
/** How many levels below an unknown key lists of tools are looked for. */
const nestedLevels = 3
const bareVerb = new RegExp(`^(?:${verbs.out}|${verbs.in})(?:list)?$`)

/** A list of tools that run without asking may also mark some as denied. */
const deniedIn = (value: unknown): Meaning => {
  const marked = typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : []
  const excluded = marked.flatMap(([name, said]) =>
    typeof said === "string" && /^(den(y|ied)|block(ed)?|forbid(den)?|reject(ed)?|disabled?|off)$/i.test(said)
      ? [name]
      : []
  )
  return excluded.length === 0 ? nothing : lists({ allowed: [], excluded })
}

/** Nested lists, as in `"options": { "disabledTools": […] }`. */
const within = (value: unknown, options: { readonly emptyIsAll: boolean }, levels: number): Meaning => {
  if (typeof value !== "object" || value === null || Array.isArray(value) || levels === 0) return nothing
  const meanings = Object.entries(value).map(([key, part]) => {
    const word = key.toLowerCase().replaceAll(/[^a-z]/g, "")
    const isNamed = [excluding, including, denying].some((named) => named.test(word)) || word === "tools"
    return isNamed ? meaningOf(key, part, options) : within(part, options, levels - 1)
  })
  if (meanings.some(({ _tag }) => _tag === "Unknown")) return unknown
  const found = meanings.flatMap((meaning) => (meaning._tag === "Lists" ? [meaning.lists] : []))
  return found.length === 0
    ? nothing
    : lists({ allowed: found.flatMap(({ allowed }) => allowed), excluded: found.flatMap(({ excluded }) => excluded) })
}

const excludedBy = (value: unknown): Meaning => {
  if (value === true) return lists({ allowed: [], excluded: ["*"] })
  if (value === false) return nothing
  const names = namesIn(value)
  if (names !== undefined) return lists({ allowed: [], excluded: names })
  const marked = markedIn(value)
  return marked === undefined
    ? unknown
    : lists({ allowed: [], excluded: marked.flatMap(([name, on]) => (on ? [name] : [])) })
}

/** `tools`: a list of the allowed tools, or an object that says for each tool whether it is allowed. */
const toolsOf = (value: unknown): Meaning => {
  if (typeof value === "boolean") return value ? nothing : lists({ allowed: [], excluded: ["*"] })
  const names = namesIn(value)
  if (names !== undefined) return lists({ allowed: [names], excluded: [] })
  if (Array.isArray(value)) return ofDescribed(value)
  return ofObject(value)
}

/** `[{ "name": "drop", "enabled": false }]` */
const ofDescribed = (items: ReadonlyArray<unknown>): Meaning => {
  const excluded: Array<string> = []
  for (const item of items) {
    if (typeof item === "string") return unknown
    const name = (item as { readonly name?: unknown } | null)?.name
    const off = isOff(item)
    if (typeof name !== "string" || off === undefined) return unknown
    if (off) excluded.push(name)
  }
  return lists({ allowed: [], excluded })
}

const ofObject = (value: unknown): Meaning => {
  const allowed: Array<ReadonlyArray<string>> = []
  const excluded: Array<string> = []
  for (const [name, said] of Object.entries(Object(value) as Record<string, unknown>)) {
    if (Array.isArray(said)) {
      // `{ "exclude": ["drop"] }`
      const meaning = meaningOf(`${name}Tools`, said, { emptyIsAll: false })
      if (meaning._tag === "Unknown" || (meaning._tag === "Nothing" && !withoutAsking.test(name.toLowerCase()))) {
        return unknown
      }
      if (meaning._tag === "Lists") {
        allowed.push(...meaning.lists.allowed)
        excluded.push(...meaning.lists.excluded)
      }
      continue
    }
    const off = isOff(said)
    if (off === undefined) return unknown
    if (off) excluded.push(name)
  }
  return lists({ allowed, excluded })
}

/** Undefined when it says neither. */
const isOff = (said: unknown): boolean | undefined => {
  if (typeof said === "boolean") return !said
  if (said === null) return false
  if (typeof said === "string") {
    if (/^(false|off|no|never|deny|denied|disabled?|block(ed)?|forbidden|hidden|reject)$/i.test(said)) return true
    return /^(true|on|yes|allow|ask|auto|always|prompt|approve|enabled?|default)$/i.test(said) ? false : undefined
  }
  if (typeof said !== "object" || Array.isArray(said)) return undefined
  const marks = Object.entries(said).map(([key, value]) => {
    const word = key.toLowerCase().replaceAll(/[^a-z]/g, "")
    if (/^(enabled?|active|on|allow(ed)?)$/.test(word))
      return value === false || /^(false|off|no)$/i.test(String(value))
    if (/^(disabled?|hidden|blocked|denied|excluded?)$/.test(word)) {
      return value === true || /^(true|on|yes)$/i.test(String(value))
    }
    return typeof value === "string" && /approval|permission|mode|policy|default|action/.test(word)
      ? (isOff(value) ?? true)
      : false
  })
  return marks.includes(true)
}

const markedIn = (value: unknown): ReadonlyArray<readonly [string, boolean]> | undefined => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined
  const entries = Object.entries(value)
  return entries.every(([, said]) => typeof said === "boolean") ? (entries as Array<[string, boolean]>) : undefined
}

const namesOf = (server: string, tool: string) => {
  const bare = tool.toLowerCase()
  const of = server.toLowerCase()
  return [
    bare,
    ...["__", "_", ".", "/", ":", "-"].flatMap((mark) => `${of}${mark}${bare}`),
    `mcp__${of}__${bare}`,
    `mcp_${of}_${bare}`,
    `@${of}/${bare}`
  ]
}
