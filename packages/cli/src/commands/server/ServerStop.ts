/**
 * `server stop`: LM Studio's server, by `lms`. Requests that are running are cut.
 */
import * as Command from "@effect/cli/Command"
import { LmsCli } from "@lms-bridge/core/LmsCli"
import * as Effect from "effect/Effect"
import { Screen } from "../../terminal/Screen.ts"

export const command = Command.make("stop").pipe(
  Command.withDescription("Stop LM Studio's server on this machine; running requests are cut."),
  Command.withHandler(
    Effect.fnUntraced(function* () {
      const screen = yield* Screen
      // what was asked for is so, then
      const wasOff = yield* Effect.flatMap(LmsCli, (lms) => lms.serverStop).pipe(
        Effect.as(false),
        Effect.catchIf(
          (error) => error._tag === "LmsCliError" && error.reason === "NotRunning",
          () => Effect.succeed(true)
        )
      )
      yield* screen.out(wasOff ? "LM Studio's server was not running." : "LM Studio's server is stopped.")
    })
  )
)
