/**
 * `server start`: starts LM Studio's server with `lms`, which also starts LM Studio if it is off.
 */
import * as Command from "@effect/cli/Command"
import { address, baseUrl, Settings, table } from "@lms-bridge/core/Settings"
import { LmsCli } from "@lms-bridge/core/LmsCli"
import { LmStudioApi } from "@lms-bridge/core/LmStudioApi"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { UsageError } from "../../ExitCode.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import * as ServerStatus from "./ServerStatus.ts"

const port = SharedOptions.setting("port", "N", table.port, "The port to listen on, the configured one by default.")

export const command = Command.make("start", { port }).pipe(
  Command.withDescription("Start LM Studio's server on this machine."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ port }) {
      const screen = yield* Screen
      const api = yield* LmStudioApi
      const before = yield* Effect.either(api.ping)
      if (Either.isRight(before)) return yield* screen.out(ServerStatus.render(before.right))
      const settings = yield* Settings
      const configured = address(settings)
      if (!configured.isLocal) {
        return yield* new UsageError({
          problem: `LM Studio is configured at ${baseUrl(settings)}, and \`server start\` can start it on this machine only. Start it there, or unset LMSTUDIO_BASE_URL and LMSTUDIO_HOST.`
        })
      }
      yield* screen.status("starting LM Studio's server")
      yield* (yield* LmsCli)
        .serverStart({ port: Option.getOrElse(port, () => configured.port) })
        .pipe(Effect.ensuring(screen.status("")))
      yield* screen.out(ServerStatus.render(yield* api.ping))
    })
  )
)
