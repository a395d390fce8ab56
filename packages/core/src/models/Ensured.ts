/** The result of ensuring that a model is loaded. In a file of its own, because the events of runs contain it too. */
import * as Schema from "effect/Schema"
import { optional } from "../schema/Fields.ts"

/**
 * `cli` is `lms load --ttl`, `jit` a request with `ttl` that makes LM Studio load the model, `rest` is
 * `POST /api/v1/models/load`, or `POST /models/load` of llama.cpp's router, plus our own idle reaper, because these routes
 * take no TTL.
 */
export const LoadWay = Schema.Literal("cli", "jit", "rest")
export type LoadWay = typeof LoadWay.Type

/** What `ensureLoaded` found or did, verified through the API. */
export const Ensured = Schema.Struct({
  /** The model key. */
  model: Schema.String,
  /** Why this model, where the choice was left to us (`auto`). */
  chosen: optional(Schema.String),
  /** The size that its server states, such as `4B`. */
  params: optional(Schema.String),
  /** The alias that was asked for. */
  alias: optional(Schema.String),
  /** The host that it is on, where there are several. */
  host: optional(Schema.String),
  /** What to put into a request's `model`. */
  instanceId: Schema.String,
  /** `woken`: it slept, which gives back the memory but keeps the model's place. */
  action: Schema.Literal("already-loaded", "loaded", "reloaded", "woken"),
  /** How it was loaded, if it was loaded now. */
  way: optional(LoadWay),
  /** Who loaded this instance. A user's instance is used, but we never unload or change it. */
  owner: Schema.Literal("lms-bridge", "user"),
  /** Tokens; absent where the server does not report it. */
  contextLength: optional(Schema.NonNegativeInt),
  /** The most that the model can have, where the server says so. */
  maxContextLength: optional(Schema.NonNegativeInt),
  /** The context that was preferred, where the model was already loaded with less. */
  preferredContext: optional(Schema.NonNegativeInt),
  /** Whether it can see images; absent where the server does not report it. */
  vision: optional(Schema.Boolean),
  /** Idle milliseconds until it is unloaded; absent when a user loaded it without a limit, or when unknown. */
  ttlMillis: optional(Schema.NonNegative),
  /** Epoch milliseconds at which it is unloaded unless it is used before. */
  expiresAt: optional(Schema.Number),
  tookMillis: Schema.NonNegative,
  /** Instances that this load took out of memory, because the server keeps only so many models at a time. */
  pushedOut: optional(Schema.Array(Schema.String)),
  /** The models of the fallback chain that were tried before this one, and why each was passed over. */
  steppedDown: Schema.Array(Schema.Struct({ model: Schema.String, reason: Schema.String }))
})
export type Ensured = typeof Ensured.Type
