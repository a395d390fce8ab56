/** The folders that a server may work in (MCP's roots): those of all holders of its connection together. */
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"

export interface Root {
  /** A `file:` URI, percent-encoded. */
  readonly uri: string
  readonly name: string
}

export interface Roots {
  /** Adds folders until the scope closes. */
  readonly hold: (roots: ReadonlyArray<Root>) => Effect.Effect<void, never, Scope.Scope>
  /** Each once, in the order in which they were added. */
  readonly current: Effect.Effect<ReadonlyArray<Root>>
  /** A new number after each change. */
  readonly version: Effect.Effect<number>
}

/** Folders as roots. A path that is not absolute is dropped and reported, because it is ambiguous. */
export const ofFolders = Effect.fnUntraced(function* (path: Path.Path, folders: ReadonlyArray<string>) {
  const roots = yield* Effect.forEach(folders, (folder) => {
    const name = path.basename(folder)
    const uri = path.isAbsolute(folder)
      ? Effect.option(Effect.map(path.toFileUrl(path.resolve(folder)), ({ href }) => href))
      : Effect.succeedNone
    return Effect.tap(
      Effect.map(
        uri,
        Option.map((uri): Root => ({ uri, name: name === "" ? folder : name }))
      ),
      (root) =>
        Option.isSome(root)
          ? Effect.void
          : Effect.logWarning("a folder without an absolute path is not passed to servers", { folder })
    )
  })
  return roots.flatMap(Option.toArray)
})

/** `changed` runs whenever a folder was added or removed. */
export const make = (changed: Effect.Effect<void>): Roots => {
  const all = new Map<string, { readonly root: Root; readonly holders: number }>()
  let version = 0

  const count = (roots: ReadonlyArray<Root>, by: 1 | -1) =>
    Effect.suspend(() => {
      const before = all.size
      for (const root of roots) {
        const holders = (all.get(root.uri)?.holders ?? 0) + by
        if (holders === 0) all.delete(root.uri)
        else all.set(root.uri, { root, holders })
      }
      if (all.size === before) return Effect.void
      version += 1
      return changed
    })

  return {
    hold: (roots) =>
      roots.length === 0 ? Effect.void : Effect.acquireRelease(count(roots, 1), () => count(roots, -1)),
    current: Effect.sync(() => [...all.values()].map(({ root }) => root)),
    version: Effect.sync(() => version)
  }
}
