/**
 * `models estimate`: asks `lms` how much memory a model would need. Loads nothing.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import { LmsCli, type LoadEstimate } from "@lms-bridge/core/LmsCli"
import { ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Ended, ExitCode } from "../../ExitCode.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import * as Words from "../../views/Words.ts"
import * as ModelsLoad from "./ModelsLoad.ts"

export const command = Command.make("estimate", {
  name: Args.text({ name: "NAME" }).pipe(Args.withDescription("The model's key; `models ls` lists them.")),
  contextLength: ModelsLoad.contextLength("The context in tokens."),
  gpu: ModelsLoad.options.gpu,
  json: SharedOptions.json("Print the estimate as JSON.")
}).pipe(
  Command.withDescription("Estimate the memory that a model needs, and whether it can be loaded now. Loads nothing."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ contextLength, gpu, json, name }) {
      const screen = yield* Screen
      const key = yield* Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.resolve(name))
      const estimate = yield* Effect.flatMap(LmsCli, (lms) =>
        lms.estimate({ key, contextLength: Option.getOrUndefined(contextLength), gpu: Option.getOrUndefined(gpu) })
      )
      yield* screen.out(json ? encode({ model: key, ...estimate }) : render(key, estimate))
      if (!estimate.fits) return yield* new Ended({ code: ExitCode.modelUnavailable })
    })
  )
)

export const render = (key: string, { fits, gpuBytes, totalBytes }: LoadEstimate): string =>
  [
    totalBytes === undefined ? key : `${key} needs about ${Words.bytes(totalBytes)}`,
    ...(gpuBytes === undefined ? [] : [`${Words.bytes(gpuBytes)} of it on the GPU`]),
    fits
      ? "and can be loaded now."
      : "and cannot be loaded now: unload other models, ask for a smaller context, or choose a smaller model."
  ].join(", ")

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const encode = Schema.encodeSync(
  Schema.parseJson(
    Schema.Struct({
      model: Schema.String,
      fits: Schema.Boolean,
      totalBytes: Schema.UndefinedOr(Schema.Number),
      gpuBytes: Schema.UndefinedOr(Schema.Number)
    })
  )
)
