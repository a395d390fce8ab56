/**
 * Names of foreign tools as a model sees them: unique, at most 64 characters of `[a-zA-Z0-9_-]`, and reversible through
 * a table.
 */
import * as Option from "effect/Option"

/** The longest name that all OpenAI-like servers accept. */
export const maxLength = 64

export interface ToolRef {
  readonly server: string
  /** The tool's own name, as its server lists it. */
  readonly name: string
}

export interface ToolNames {
  /** The name that the model sees; none for a tool that was not given to `assign`. */
  readonly nameOf: (tool: ToolRef) => Option.Option<string>
  /** The tool that a name stands for. */
  readonly toolOf: (name: string) => Option.Option<ToolRef>
  /** In the order in which the tools were given. */
  readonly entries: ReadonlyArray<{ readonly name: string; readonly tool: ToolRef }>
}

/**
 * Tools of a single server keep their own names; with several servers a tool is `server__tool`. Characters that are not
 * allowed become `_`. A single server's tool whose name is in `reserved` becomes `server__tool` too. A name that is
 * then still taken or too long gets a short digest of the full name at its end. So a name depends on the set of tools,
 * not on their order.
 */
export const assign = (
  tools: ReadonlyArray<ToolRef>,
  options: { readonly reserved?: Iterable<string> | undefined } = {}
): ToolNames => {
  const reserved = new Set(options.reserved)
  const unique = [...new Map(tools.map(({ name, server }) => [keyOf({ server, name }), { server, name }])).values()]
  const prefixed = new Set(unique.map(({ server }) => server)).size > 1

  const wished = new Map(unique.map((tool) => [keyOf(tool), wish(tool, prefixed)]))
  const wishes = new Map<string, number>()
  for (const name of wished.values()) wishes.set(name, (wishes.get(name) ?? 0) + 1)

  const taken = new Set(reserved)
  const given = new Map<string, string>()
  // uncontested names first: a digest must not take the plain name of another tool
  for (const [key, name] of wished) {
    if (wishes.get(name) === 1 && !reserved.has(name) && name.length <= maxLength) {
      given.set(key, name)
      taken.add(name)
    }
  }
  for (const tool of unique.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))) {
    const key = keyOf(tool)
    if (given.has(key)) continue
    const full = wish(tool, true)
    const name = !prefixed && full.length <= maxLength && !taken.has(full) ? full : digested(full, key, taken)
    given.set(key, name)
    taken.add(name)
  }

  const entries = unique.map((tool) => ({ name: given.get(keyOf(tool)) ?? "", tool }))
  const byName = new Map(entries.map(({ name, tool }) => [name, tool]))
  return {
    entries,
    nameOf: (tool) => Option.fromNullable(given.get(keyOf(tool))),
    toolOf: (name) => Option.fromNullable(byName.get(name))
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const keyOf = ({ name, server }: ToolRef) => `${server}\u0000${name}`

const allowed = (text: string) => text.replaceAll(/[^a-zA-Z0-9_-]/g, "_")

const wish = ({ name, server }: ToolRef, prefixed: boolean) => {
  const own = allowed(name) === "" ? "tool" : allowed(name)
  return prefixed ? `${allowed(server)}__${own}` : own
}

const digested = (name: string, key: string, taken: ReadonlySet<string>): string => {
  for (let round = 0; ; round++) {
    const suffix = `_${digest(round === 0 ? key : `${key}\u0000${round}`)}`
    const candidate = `${name.slice(0, maxLength - suffix.length)}${suffix}`
    if (!taken.has(candidate)) return candidate
  }
}

/** 32-bit FNV-1a in base 36: the same in every run, which keeps prompts cacheable. */
const digest = (text: string): string => {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  return (hash >>> 0).toString(36).padStart(7, "0")
}
