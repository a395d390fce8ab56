/**
 * `server status`: shows whether LM Studio's server answers, and with which API. Starts nothing.
 */
import * as Command from "@effect/cli/Command"
import { type Application, LmsCli } from "@lms-bridge/core/LmsCli"
import { LmStudioApi, productOf, ServerInfo } from "@lms-bridge/core/LmStudioApi"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"

export const command = Command.make("status", { json: SharedOptions.json("Print the status as JSON.") }).pipe(
  Command.withDescription("Show whether LM Studio's server answers, and with which API."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ json }) {
      const screen = yield* Screen
      const lms = yield* LmsCli
      const info = yield* Effect.flatMap(LmStudioApi, (api) => api.ping).pipe(
        Effect.catchTags({
          LmStudioUnreachable: (error) =>
            Effect.flatMap(error.reason === "Refused" ? lms.application : Effect.succeedNone, (application) =>
              Effect.fail(Option.match(application, { onNone: () => error, onSome: serverIsOff(error) }))
            ),
          Unauthorized: (error) => Effect.fail(withWords(error, "LM Studio's server answers."))
        })
      )
      const application = info.isLmStudio ? yield* lms.application : Option.none()
      yield* screen.out(json ? encode({ ...info, ...versionOf(application) }) : render(info, application))
    })
  )
)

export const render = (info: ServerInfo, application: Option.Option<Application> = Option.none()): string => {
  const version = Option.match(application, { onNone: () => "", onSome: ({ version }) => ` ${version}` })
  return `${productOf(info)}${version} answers at ${info.baseUrl} (${info.dialect}).`
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Told {
  readonly _tag: string
  readonly message: string
}

/** The same failure, with more words in front. */
const withWords = ({ _tag, message }: Told, words: string): Told => ({ _tag, message: `${words} ${message}` })

const serverIsOff =
  (error: Told) =>
  ({ version }: Application): Told =>
    withWords(error, `LM Studio ${version} runs on this machine; \`lms-bridge server start\` starts its server.`)

const versionOf = Option.match({
  onNone: () => ({}),
  onSome: ({ version }: Application) => ({ version })
})

const encode = Schema.encodeSync(
  Schema.parseJson(
    Schema.Struct({ ...ServerInfo.fields, version: Schema.optionalWith(Schema.String, { exact: true }) })
  )
)
