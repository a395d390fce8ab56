/** The effect of a configuration change on its servers. Pure. */
import type { ServersByName } from "./ServerDefinition.ts"

/** Names of servers. A server in none of the lists is unchanged, and stays connected. */
export interface ConfigChange {
  readonly added: ReadonlyArray<string>
  readonly changed: ReadonlyArray<string>
  readonly removed: ReadonlyArray<string>
  /** What is wrong with the files now, one sentence each. Their last good content stays in use. */
  readonly problems: ReadonlyArray<string>
}

type Side = { readonly servers: ServersByName; readonly problems: ReadonlyArray<string> }

/** Undefined when nothing relevant changed, only comments or the order of entries. */
export const between = (before: Side, after: Side): ConfigChange | undefined => {
  const { problems, servers } = after
  const known = (name: string) => before.servers.has(name)
  const change = {
    added: [...servers.keys()].filter((name) => !known(name)),
    changed: [...servers].flatMap(([name, server]) => (known(name) && before.servers.get(name) !== server ? name : [])),
    removed: [...before.servers.keys()].filter((name) => !servers.has(name)),
    problems
  }
  const nothing =
    change.added.length + change.changed.length + change.removed.length === 0 &&
    problems.join("\n") === before.problems.join("\n")
  return nothing ? undefined : change
}

/** The servers of the non-empty lists, for a line of the log. */
export const names = ({ added, changed, removed }: ConfigChange): Record<string, string> =>
  Object.fromEntries(
    Object.entries({ added, changed, removed }).flatMap(([what, servers]) =>
      servers.length === 0 ? [] : [[what, servers.join(", ")]]
    )
  )
