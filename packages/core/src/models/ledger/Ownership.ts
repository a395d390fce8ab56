/**
 * What we record about a model that we loaded, and how to tell from it whether an instance is ours. An instance that may
 * be a user's is never touched.
 */
import * as Schema from "effect/Schema"
import { optional } from "../../schema/Fields.ts"
import { LoadWay } from "../Ensured.ts"

/** A load by us. Times are epoch milliseconds, `contextLength` tokens. */
export const LedgerEntry = Schema.Struct({
  instanceId: Schema.String,
  model: Schema.String,
  way: LoadWay,
  /** Base URL of the LM Studio that loaded it. */
  server: Schema.String,
  ttlMillis: Schema.Number,
  contextLength: optional(Schema.NonNegativeInt),
  /** `loading` is written before the load starts, so that a load whose end we never saw is still known as ours. */
  state: Schema.Literal("loading", "loaded"),
  startedAt: Schema.Number,
  lastUsedAt: Schema.Number,
  /** Whether a run of ours has used it. */
  worked: Schema.Boolean
})
export type LedgerEntry = typeof LedgerEntry.Type

/** What LM Studio reports about an instance. `ttlMillis`: undefined means unknown (no `lms`), null means for ever. */
export interface InstanceFacts {
  readonly id: string
  readonly contextLength?: number | undefined
  readonly ttlMillis?: number | null | undefined
  readonly lastUsedAt?: number | undefined
}

/** How long after its start a load whose end we did not see still counts as ours when its instance appears. */
export const unseenLoadMillis = 600_000

/**
 * Whether the listed instance is the one that the entry describes, and not another that a user has since loaded under the
 * same id. In doubt it is not ours: the context must match; with `lms`, the TTL must be the one we set (none, by REST);
 * without `lms`, an entry counts only until LM Studio must have unloaded the instance.
 */
export const isOurs = (entry: LedgerEntry | undefined, facts: InstanceFacts, now: number): entry is LedgerEntry => {
  if (entry === undefined || entry.instanceId !== facts.id) return false
  if (
    entry.contextLength !== undefined &&
    facts.contextLength !== undefined &&
    entry.contextLength !== facts.contextLength
  ) {
    return false
  }
  if (entry.state === "loading") {
    if (now - entry.startedAt > unseenLoadMillis) return false
    // a user may have taken the expected id; where LM Studio enforces the TTL, nothing is lost by not claiming it
    if (entry.way !== "rest" && facts.ttlMillis === undefined) return false
  }
  if (facts.ttlMillis !== undefined) {
    return entry.way === "rest"
      ? facts.ttlMillis === null
      : facts.ttlMillis !== null && Math.abs(facts.ttlMillis - entry.ttlMillis) < 1000
  }
  return entry.way === "rest" || now < entry.lastUsedAt + entry.ttlMillis
}

/**
 * Epoch milliseconds at which the instance will have been idle for its whole TTL, from its latest known use.
 */
export const expiryOf = (entry: LedgerEntry, facts?: Pick<InstanceFacts, "lastUsedAt">): number =>
  Math.max(entry.lastUsedAt, facts?.lastUsedAt ?? 0) + entry.ttlMillis

/** The id that LM Studio will give the next instance of a model: the key, or the first free `key:N`. */
export const nextInstanceId = (key: string, taken: ReadonlySet<string>): string => {
  if (!taken.has(key)) return key
  let copy = 2
  while (taken.has(`${key}:${copy}`)) copy += 1
  return `${key}:${copy}`
}
