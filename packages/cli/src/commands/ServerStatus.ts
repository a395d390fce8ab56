/**
 * `server status`: whether LM Studio's server answers, and what it speaks. Starts nothing.
 */
import * as Command from "@effect/cli/Command"
import { LmStudioApi, ServerInfo } from "@lms-bridge/core/lmstudio/LmStudioApi"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Screen } from "../Screen.ts"
import * as SharedOptions from "../SharedOptions.ts"

export const command = Command.make("status", { json: SharedOptions.listingJson }).pipe(
  Command.withDescription("Whether LM Studio's server answers, and what it speaks."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ json }) {
      const screen = yield* Screen
      const info = yield* (yield* LmStudioApi).ping
      yield* screen.out(json ? encode(info) : render(info))
    })
  )
)

export const render = ({ baseUrl, dialect, isLmStudio }: ServerInfo): string =>
  `${isLmStudio ? "LM Studio" : "An OpenAI-compatible server"} answers at ${baseUrl} (${dialect}).`

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const encode = Schema.encodeSync(Schema.parseJson(ServerInfo))
