/** What this process does on each host now. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { counted } from "../leases/Leases.ts"

export interface HostUse {
  /** Hosts that have answered this process. */
  readonly answered: Set<string>
  /** How many requests have or want a lease there. */
  readonly active: (host: string) => number
  /** Whether somebody loads or holds the model there. */
  readonly isWanted: (host: string, key: string) => boolean
  /** The hosts on which this process holds the instance, the least used first. */
  readonly holdersOf: (instanceId: string) => ReadonlyArray<string>
  readonly wanting: (host: string, key: string) => <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Counts a request until the scope closes. */
  readonly working: (host: string, key: string) => Effect.Effect<void, never, Scope.Scope>
  readonly holding: (host: string, instanceId: string) => Effect.Effect<void, never, Scope.Scope>
}

export const make = (): HostUse => {
  const counts = { active: emptyCounts, wanted: emptyCounts, held: emptyCounts }
  const add = (kind: keyof typeof counts, key: string, by: number) =>
    Effect.sync(() => {
      counts[kind] = counted(counts[kind], key, by)
    })
  const during = (kind: keyof typeof counts, key: string) =>
    Effect.acquireRelease(add(kind, key, 1), () => add(kind, key, -1))
  const pair = (host: string, name: string) => `${host} ${name}`
  const active = (host: string) => counts.active.get(host) ?? 0
  return {
    answered: new Set(),
    active,
    isWanted: (host, key) => counts.wanted.has(pair(host, key)),
    holdersOf: (instanceId) =>
      [...counts.held.keys()]
        .flatMap((held) => {
          const [host = "", ...rest] = held.split(" ")
          return rest.join(" ") === instanceId ? [host] : []
        })
        .toSorted((left, right) => active(left) - active(right)),
    wanting: (host, key) => (self) =>
      Effect.acquireUseRelease(
        add("wanted", pair(host, key), 1),
        () => self,
        () => add("wanted", pair(host, key), -1)
      ),
    working: (host, key) => Effect.zipRight(during("active", host), Effect.asVoid(during("wanted", pair(host, key)))),
    holding: (host, instanceId) => Effect.asVoid(during("held", pair(host, instanceId)))
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const emptyCounts: ReadonlyMap<string, number> = new Map()
