/**
 * `worker`: carries out the runs that are handed in on other machines, beside the LM Studio of this one.
 */
import * as Command from "@effect/cli/Command"
import { LmStudioApi } from "@lms-bridge/core/LmStudioApi"
import { table } from "@lms-bridge/core/Settings"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import * as SharedRuns from "../../SharedRuns.ts"
import { version } from "../../version.ts"
import * as Words from "../../views/Words.ts"

export const command = Command.make("worker", {
  port: SharedOptions.setting(
    "port",
    "N",
    table.port,
    "Answer `/healthz`, `/readyz` and `/metrics` on this port of 127.0.0.1. Default: on none."
  ),
  drain: SharedOptions.setting(
    "drain",
    "DURATION",
    table.comebackTimeout,
    "How long runs may go on with their current step when the worker ends. Default: 30s."
  )
}).pipe(
  Command.withDescription("Carry out the runs of several machines, beside the LM Studio of this one."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ drain, port }) {
      const screen = yield* Screen
      const { cluster, context } = yield* SharedRuns.required
      const api = yield* LmStudioApi
      const wait = Option.getOrElse(drain, () => Duration.seconds(30))
      return yield* Effect.gen(function* () {
        const worker = yield* cluster.work({ version, drain: wait })
        const unready = Effect.gen(function* () {
          if (!(yield* worker.isOpen)) return "draining"
          yield* Effect.zipRight(worker.look, api.ping)
          return undefined
        }).pipe(
          Effect.timeoutFail({ duration: "3 seconds", onTimeout: () => new Error("nothing answers in time") }),
          Effect.catchAll(({ message }) => Effect.succeed(Words.oneLine(message)))
        )
        if (Option.isSome(port)) {
          const url = yield* cluster.HealthServer.serve({ port: port.value, unready, measure: worker.measure })
          yield* screen.err(`Health and metrics at ${url}`)
        }
        yield* screen.err(
          `${worker.name} takes runs, ${Words.count(worker.slots, "run")} at a time. SIGTERM lets each finish its step and gives it back.`
        )
        const why = yield* unready
        if (why !== undefined) yield* screen.err(`It takes none for now: ${why}`)
        return yield* Effect.never
      }).pipe(Effect.scoped, Effect.provide(context))
    })
  )
)
