/** What is known of models now: their files, for the build that the server has. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { ApiModel } from "../lmstudio/ApiModel.ts"
import type { LmsCli } from "../lmstudio/LmsCli.ts"
import type { LmStudioApi } from "../lmstudio/LmStudioApi.ts"
import { buildsOf } from "./BuildOf.ts"
import { type EvidenceRow, rowOf } from "./Evidence.ts"
import * as Known from "./Known.ts"

export const knownOf = Effect.fnUntraced(function* (
  parts: { readonly api: Context.Tag.Service<LmStudioApi>; readonly cli: Context.Tag.Service<LmsCli> },
  read: (model: string) => Effect.Effect<ReadonlyArray<EvidenceRow>>,
  models: ReadonlyArray<ApiModel>
): Effect.fn.Return<ReadonlyMap<string, Known.Known>> {
  const all = yield* Effect.forEach(models, (model) => Effect.map(read(model.key), (rows) => ({ model, rows })))
  // most machines have a file of a few models only
  const buildOf = all.some(({ rows }) => rows.length > 0) ? yield* buildsOf(parts) : undefined
  const found = yield* Effect.forEach(
    all,
    Effect.fnUntraced(function* ({ model, rows }) {
      const row = rows.length === 0 || buildOf === undefined ? undefined : rowOf(rows, yield* buildOf(model.key))
      return [model.key, Known.of(model, row)] as const
    })
  )
  return new Map(found)
})
