/**
 * One view of the models on disk and in memory, merged from LM Studio's HTTP API and `lms`, with the source of each fact.
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
 * How long to wait for `lms` when it only adds to the API's answer, and how long to do without it after a timeout. (Its own
 * time limit and retries add up to minutes.)
 */
export const patience = Duration.seconds(10)
export const pause = Duration.seconds(60)

export class ModelCatalog extends Context.Tag("@lms-bridge/core/models/ModelCatalog")<
  ModelCatalog,
  {
    /**
     * `GET` of the model list, then `lms ps`. `lms` is called only after LM Studio itself has answered, because it would
     * start LM Studio (contract F0). A failing `lms` never fails this, because the API alone is enough.
     */
    readonly inMemory: Effect.Effect<Catalog, ApiError>
    /** The same with `lms ls`, which reports sizes and paths where an older API does not. */
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
          yield* Effect.logWarning("`lms` does not answer; continuing without it for a while", {
            pause: Duration.format(pause)
          })
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
