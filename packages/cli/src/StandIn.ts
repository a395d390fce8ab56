/**
 * The services of lms-bridge over LM Studio, or over a rule-based stand-in in this process.
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
      return standIn("--stand-in is always")
    case "auto":
      return Layer.flatMap(Bridge.layer, (services) =>
        Context.get(services, LmStudioApi).ping.pipe(
          Effect.as(Layer.succeedContext(services)),
          // the run reports any other failure of a running LM Studio
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

/** Loaded on first use: a usual start does without the simulator. */
export const loadSimulator = Effect.promise(() => import("@lms-bridge/simulator/Simulator"))

const standIn = (why: string) =>
  // fresh: the same layer was built over other settings
  Layer.fresh(Bridge.layerNoDeps).pipe(
    Layer.provideMerge(
      Layer.scoped(
        Settings,
        Effect.gen(function* () {
          const settings = yield* Settings
          const screen = yield* Screen
          const simulator = yield* Effect.flatMap(loadSimulator, ({ start }) => start())
          yield* screen.err(`${why}; using ${simulator.name}. Its runs are not kept.`)
          return {
            ...settings,
            baseUrl: Option.some(simulator.baseUrl),
            apiToken: Option.none(),
            defaultModel: Option.none(),
            hosts: [],
            lmsBinary: Option.some(simulator.lmsBinary),
            // it is known how the stand-in makes calls
            probe: "off" as const,
            // the state of the stand-in's models must not outlive it
            dataDir: Option.some(simulator.home)
          }
        })
      )
    ),
    Layer.provide(Settings.layer),
    Layer.merge(Layer.succeed(RunsAreKept, false))
  )
