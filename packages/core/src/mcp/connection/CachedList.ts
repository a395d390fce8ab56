/** A server's list, fetched with all pages and cached until the server says that it changed. */
import * as Effect from "effect/Effect"

/** One page, and the cursor of the next page if there is one. */
export interface Page<A> {
  readonly items: ReadonlyArray<A>
  readonly next: string | undefined
}

export interface CachedList<A, E> {
  readonly list: Effect.Effect<ReadonlyArray<A>, E>
  /** A new value after each change. */
  readonly edition: Effect.Effect<string>
  /** Invalidates the list. A request in progress still returns the list that is on its way. */
  readonly changed: () => void
}

/** `page` requests one page. Of items with the same key, the first one counts. */
export const make = <A, E>(options: {
  readonly server: string
  readonly method: string
  readonly keyOf: (item: A) => string
  readonly page: (cursor: string | undefined) => Effect.Effect<Page<A>, E>
  /** Wraps the request for all pages together. */
  readonly within: (all: Effect.Effect<ReadonlyArray<A>, E>) => Effect.Effect<ReadonlyArray<A>, E>
}): Effect.Effect<CachedList<A, E>> =>
  Effect.gen(function* () {
    const { keyOf, method, page, server } = options
    const all = Effect.gen(function* () {
      const items = new Map<string, A>()
      const cursors = new Set<string | undefined>()
      let cursor: string | undefined
      do {
        cursors.add(cursor)
        const got = yield* page(cursor)
        for (const item of got.items) if (!items.has(keyOf(item))) items.set(keyOf(item), item)
        cursor = got.next
        if (cursor !== undefined && (cursors.has(cursor) || cursors.size >= maxPages)) {
          yield* Effect.logWarning(`the pages of ${method} do not end; the rest is dropped`).pipe(
            Effect.annotateLogs({ server, pages: cursors.size })
          )
          break
        }
      } while (cursor !== undefined)
      return [...items.values()]
    })

    const oneAtATime = yield* Effect.makeSemaphore(1)
    const kept: { list: ReadonlyArray<A>; version: number } = { list: [], version: -1 }
    const state = { version: 0 }
    const fetched = Effect.gen(function* () {
      // read before the request: a change announced while the list is on its way applies to the next reader
      const { version } = state
      if (kept.version !== version) {
        kept.list = yield* options.within(all)
        kept.version = version
      }
      return kept.list
    }).pipe(oneAtATime.withPermits(1), Effect.withSpan(`McpClient.${method}`, { attributes: { server } }))

    return {
      list: Effect.suspend(() => (kept.version === state.version ? Effect.succeed(kept.list) : fetched)),
      edition: Effect.sync(() => String(state.version)),
      changed: () => {
        state.version += 1
      }
    }
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const maxPages = 1000
