/** Models on disk and in memory, with the source of each fact. */
import * as Schema from "effect/Schema"
import { optional } from "../../schema/Fields.ts"
import { ServerInfo, ApiModel } from "../../lmstudio/ApiModel.ts"

export const FactSource = Schema.Literal("api", "lms ps", "lms ls")
export type FactSource = typeof FactSource.Type

/**
 * A copy of a model in memory. What only `lms ps` knows is absent without it: the API reports neither whether an instance
 * is busy nor when it will be unloaded (contract A3).
 */
export const CatalogInstance = Schema.Struct({
  id: Schema.String,
  /** Tokens. */
  contextLength: optional(Schema.NonNegativeInt),
  /**
   * `idle`, `processingPrompt`, `generating`, `computingEmbedding`, as `lms ps` reports it; `sleeping` on llama.cpp's
   * router.
   */
  status: optional(Schema.String),
  /** Whether it has a running or waiting request. */
  busy: optional(Schema.Boolean),
  /** Idle milliseconds until the unload; null means for ever. */
  ttlMillis: optional(Schema.NullOr(Schema.Number)),
  /** Epoch milliseconds. */
  lastUsedAt: optional(Schema.Number),
  from: Schema.Array(FactSource)
})
export type CatalogInstance = typeof CatalogInstance.Type

/** A model with its copies in memory. `origin` names the source of each fact that did not come from the API. */
export const CatalogModel = Schema.Struct({
  ...ApiModel.fields,
  instances: Schema.Array(CatalogInstance),
  /** Relative to LM Studio's models folder. */
  path: optional(Schema.String),
  from: Schema.Array(FactSource),
  origin: Schema.Record({ key: Schema.String, value: FactSource })
})
export type CatalogModel = typeof CatalogModel.Type

/** `lms.used` says whether `lms` contributed; `lms.why` says why it did not. */
export const Catalog = Schema.Struct({
  server: ServerInfo,
  models: Schema.Array(CatalogModel),
  lms: Schema.Struct({ used: Schema.Boolean, why: optional(Schema.String) })
})
export type Catalog = typeof Catalog.Type
