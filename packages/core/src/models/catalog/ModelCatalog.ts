/**
 * One picture of the models on disk and in memory, merged from LM Studio's HTTP interface and `lms`, with where each
 * fact came from.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import { Settings } from "../../configuration/Settings.ts"
import { LmStudioApi } from "../../lmstudio/LmStudioApi.ts"
import type { ApiError } from "../../lmstudio/LmStudioError.ts"
import { LmsCli } from "../../lmstudio/LmsCli.ts"
import type { LmsCallError } from "../../lmstudio/LmsCliError.ts"
import * as CatalogMerge from "./CatalogMerge.ts"
import type { Catalog } from "./CatalogModel.ts"

/**
 * How long `lms` is waited for when it is only asked what it knows beside the API, and for how long it is left alone when
 * that was not enough. (Its own time limit and retries add up to minutes.)
 */
export const patience = Duration.seconds(10)
export const pause = Duration.seconds(60)

export class ModelCatalog extends Context.Tag("@lms-bridge/core/models/ModelCatalog")<
  ModelCatalog,
  {
    /**
     * `GET` of the model list, then `lms ps`. `lms` is called only after LM Studio itself has answered, because it would
     * start LM Studio (contract F0), and a failing `lms` never fails this: the API alone is enough.
     */
    readonly inMemory: Effect.Effect<Catalog, ApiError>
    /** The same with `lms ls`, which knows sizes and paths where an older API does not. */
    readonly everything: Effect.Effect<Catalog, ApiError>
  }
>() {
  static readonly layer: Layer.Layer<ModelCatalog, never, LmStudioApi | LmsCli | Settings> = Layer.effect(
    this,
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      const cli = yield* LmsCli
      const settings = yield* Settings
      const skipUntil = yield* Ref.make(0)
      const withoutLms = Option.exists(settings.lmsBinary, (binary) => binary === "none")

      const look = Effect.fnUntraced(function* (withDisk: boolean) {
        const models = yield* api.models
        const server = yield* api.server
        if (withoutLms) return CatalogMerge.apiOnly(server, models, "switched off by LMS_BRIDGE_LMS_BINARY=none")
        if (!server.isLmStudio) return CatalogMerge.apiOnly(server, models, "the server is not LM Studio")
        const now = yield* Clock.currentTimeMillis
        if (now < (yield* Ref.get(skipUntil))) return CatalogMerge.apiOnly(server, models, tooSlow)
        const asked = yield* Effect.all(
          [Effect.either(cli.ps), withDisk ? Effect.either(cli.ls) : Effect.succeed(Either.right([]))],
          { concurrency: 2 }
        ).pipe(Effect.timeoutOption(patience))
        if (Option.isNone(asked)) {
          yield* Ref.set(skipUntil, now + Duration.toMillis(pause))
          yield* Effect.logWarning("`lms` hangs; doing without it for a while", { pause: Duration.format(pause) })
          return CatalogMerge.apiOnly(server, models, tooSlow)
        }
        const [ps, ls] = asked.value
        if (Either.isLeft(ps)) return CatalogMerge.apiOnly(server, models, reason(ps.left))
        return CatalogMerge.merge(
          server,
          models,
          ps.right,
          Either.getOrElse(ls, () => [])
        )
      })

      return {
        inMemory: Effect.withSpan(look(false), "ModelCatalog.inMemory"),
        everything: Effect.withSpan(look(true), "ModelCatalog.everything")
      }
    })
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const tooSlow = `\`lms\` did not answer within ${Duration.format(patience)}`

const reason = (error: LmsCallError) =>
  error._tag === "LmsCliError" && error.reason === "NotInstalled" ? "`lms` was not found" : error.message
