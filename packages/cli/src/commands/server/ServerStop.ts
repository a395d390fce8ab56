/**
 * `server stop`: stops LM Studio's server with `lms`. Running requests are aborted.
 */
import * as Command from "@effect/cli/Command"
import { LmsCli } from "@lms-bridge/core/LmsCli"
import * as Effect from "effect/Effect"
import { Screen } from "../../terminal/Screen.ts"

export const command = Command.make("stop").pipe(
  Command.withDescription("Stop LM Studio's server on this machine; running requests are aborted."),
  Command.withHandler(
    Effect.fnUntraced(function* () {
      const screen = yield* Screen
      // a server that is off already is no failure
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
