/**
 * The services of lms-bridge over LM Studio, or over a rule-based stand-in in this very process.
 */
import * as Bridge from "@lms-bridge/core/Bridge"
import { baseUrl, Settings } from "@lms-bridge/core/Settings"
import { LmStudioApi } from "@lms-bridge/core/LmStudioApi"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Screen } from "./terminal/Screen.ts"
import { RunsAreKept } from "./views/ShownRun.ts"

/** `auto`: when LM Studio does not answer. */
export type Mode = "never" | "auto" | "always"

export type Services = Bridge.Services | Settings

export const layer = (mode: Mode) => {
  switch (mode) {
    case "never":
      return Bridge.layer
    case "always":
      return standIn("You asked for it")
    case "auto":
      return Layer.flatMap(Bridge.layer, (services) =>
        Context.get(services, LmStudioApi).ping.pipe(
          Effect.as(Layer.succeedContext(services)),
          // anything else that goes wrong with an LM Studio that is there is for the run to tell
          Effect.catchTag("LmStudioUnreachable", ({ reason }) => {
            const url = baseUrl(Context.get(services, Settings))
            return Effect.succeed(
              standIn(
                reason === "NotLmStudio"
                  ? `What answers at ${url} is not LM Studio`
                  : `LM Studio does not answer at ${url}`
              )
            )
          }),
          Effect.orElseSucceed(() => Layer.succeedContext(services)),
          Layer.unwrapEffect
        )
      )
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The simulator is loaded only when it is wanted: it is no part of a usual start. */
export const loadSimulator = Effect.promise(() => import("@lms-bridge/simulator/Simulator"))

const standIn = (why: string) =>
  // a layer that was built over other settings must not be taken for this one
  Layer.fresh(Bridge.layerNoDeps).pipe(
    Layer.provideMerge(
      Layer.scoped(
        Settings,
        Effect.gen(function* () {
          const settings = yield* Settings
          const screen = yield* Screen
          const simulator = yield* Effect.flatMap(loadSimulator, ({ start }) => start())
          yield* screen.err(`${why}, so the work is done by ${simulator.name}.`)
          return {
            ...settings,
            baseUrl: Option.some(simulator.baseUrl),
            apiToken: Option.none(),
            defaultModel: Option.none(),
            lmsBinary: Option.some(simulator.lmsBinary),
            // what is remembered of the stand-in's models is nobody's business later
            dataDir: Option.some(simulator.home)
          }
        })
      )
    ),
    Layer.provide(Settings.layer),
    Layer.merge(Layer.succeed(RunsAreKept, false))
  )
