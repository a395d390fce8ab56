/** What a model is run from now, by what the server and the application say. What cannot be found out is left open. */
import * as Effect from "effect/Effect"
import * as Hash from "effect/Hash"
import * as Option from "effect/Option"
import type * as Context from "effect/Context"
import type { LmsCli } from "../lmstudio/LmsCli.ts"
import type { LmStudioApi } from "../lmstudio/LmStudioApi.ts"
import { present } from "../schema/Fields.ts"
import type { Build } from "./Evidence.ts"

interface Parts {
  readonly api: Context.Tag.Service<LmStudioApi>
  readonly cli: Context.Tag.Service<LmsCli>
}

/** Asks what is the same for all models, and gives the build of each. */
export const buildsOf = Effect.fnUntraced(function* ({
  api,
  cli
}: Parts): Effect.fn.Return<(key: string) => Effect.Effect<Build>> {
  const { models, server } = yield* Effect.all({
    server: Effect.option(api.server),
    models: Effect.orElseSucceed(api.models, () => [])
  })
  const isLmStudio = Option.exists(server, ({ isLmStudio }) => isLmStudio)
  const application = isLmStudio ? yield* cli.application : Option.none()
  return Effect.fnUntraced(function* (key: string) {
    const model = models.find((model) => model.key === key)
    const [variant, ...others] = model?.variants ?? []
    const engine = isLmStudio ? undefined : yield* Effect.orElseSucceed(api.engine(key), () => undefined)
    return {
      ...present({
        // of several, the server does not say which one it loads
        variant: others.length === 0 ? variant : undefined,
        quantization: model?.quantization ?? quantizationIn(engine?.file),
        template: engine?.template === undefined ? undefined : fingerprint(engine.template),
        engine: Option.match(application, {
          onNone: () => engine?.version,
          onSome: ({ version }) => `LM Studio ${version}`
        })
      })
    }
  })
})

export const buildOf = (parts: Parts, key: string): Effect.Effect<Build> =>
  Effect.flatMap(buildsOf(parts), (of) => of(key))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const fingerprint = (text: string) => `${text.length}-${(Hash.string(text) >>> 0).toString(36)}`

/** `…-q4_k_m.gguf`, `…-Q8_0.gguf`, `…-f16.gguf`. */
const quantizationIn = (file: string | undefined): string | undefined =>
  /[-._]((?:i?q\d\w*|mxfp4|bf16|f16|f32))\.gguf$/i.exec(file ?? "")?.[1]?.toUpperCase()
