/**
 * `metrics`: what a running `serve --http` has counted, for a person.
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { Settings, table } from "@lms-bridge/core/Settings"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { UsageError } from "../../ExitCode.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as MetricsTable from "./MetricsTable.ts"

/** No such server answers there. */
export class MetricsNotRead extends Schema.TaggedError<MetricsNotRead>()("MetricsNotRead", {
  url: Schema.String,
  reason: Schema.Literal("NotRead", "TokenRequired"),
  detail: Schema.String
}) {
  readonly retryable = true
  override get message() {
    return `No metrics at ${this.url}: ${this.detail}. ${
      this.reason === "TokenRequired"
        ? `Put the token of that server into ${table.httpToken.variable}, or start it with ${table.metricsOpen.variable}=1.`
        : "Start `lms-bridge serve --http --port N`, and give its address with --url."
    }`
  }
}

export const command = Command.make("metrics", {
  url: Options.text("url").pipe(
    Options.withDescription("The address that `serve --http` listens at."),
    Options.withPseudoName("URL")
  ),
  json: SharedOptions.json("Print it as JSON.")
}).pipe(
  Command.withDescription("Show what a running `serve --http` has counted."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ json, url }) {
      const screen = yield* Screen
      const { httpToken } = yield* Settings
      if (!URL.canParse(url)) return yield* new UsageError({ problem: `--url is "${url}", but must be an address.` })
      const address = new URL("/metrics", url).href
      const failed = (detail: string) => new MetricsNotRead({ url: address, reason: "NotRead", detail })
      const client = yield* HttpClient.HttpClient
      const request = Option.match(httpToken, {
        onNone: () => HttpClientRequest.get(address),
        onSome: (token) => HttpClientRequest.bearerToken(HttpClientRequest.get(address), token)
      })
      const response = yield* client.execute(request).pipe(
        Effect.timeoutFail({ duration: "10 seconds", onTimeout: () => failed("nothing answered within 10 s") }),
        Effect.catchTag("RequestError", () => failed("nothing answers there")),
        Effect.catchTag("ResponseError", ({ message }) => failed(message))
      )
      const text = yield* Effect.mapError(response.text, ({ message }) => failed(message))
      if (response.status === 401 || response.status === 403) {
        const detail = Option.isSome(httpToken) ? "the token is not that of this server" : "it requires a token"
        return yield* new MetricsNotRead({ url: address, reason: "TokenRequired", detail })
      }
      if (response.status !== 200) return yield* failed(`it answered ${response.status}`)
      if (text.trim() !== "" && !/^# TYPE lms_/m.test(text)) {
        return yield* failed("what it answered are no metrics of lms-bridge")
      }
      const samples = MetricsTable.read(text)
      yield* screen.out(json ? encode(samples) : MetricsTable.render(samples, screen.columns))
    })
  )
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const encode = Schema.encodeSync(Schema.parseJson(Schema.Array(MetricsTable.Sample)))
