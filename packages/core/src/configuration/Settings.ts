/**
 * Every environment variable that lms-bridge reads: one table, from which the values are decoded at start and the
 * README's table is written.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

/**
 * One variable: how it is decoded, what it is when unset, and what to tell a person about it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Setting<A> {
  readonly variable: string
  /** None when the text cannot be used. */
  readonly decode: (text: string) => Option.Option<A>
  /** The decoded default. */
  readonly fallback: A
  /** The default as a person would write it; "" where there is none. */
  readonly shown: string
  readonly allowed: string
  readonly description: string
}

const setting = <A, I extends string>({
  schema,
  ...rest
}: Omit<Setting<A>, "decode"> & { readonly schema: Schema.Schema<A, I> }): Setting<A> => ({
  ...rest,
  decode: Schema.decodeUnknownOption(schema)
})

const duration = Schema.String.pipe(
  Schema.transformOrFail(Schema.DurationFromSelf, {
    strict: true,
    decode: (text, _, ast) =>
      Either.fromOption(
        Option.filter(Duration.decodeUnknown(/^\d+(\.\d+)?$/.test(text) ? `${text} seconds` : spaced(text)), (value) =>
          Duration.greaterThanOrEqualTo(value, Duration.zero)
        ),
        () => new ParseResult.Type(ast, text, "not a duration")
      ),
    encode: (value) => Either.right(`${Duration.toSeconds(value)}`)
  })
)

/** `90s`, `10m` and `250ms` as well as Effect's own `90 seconds`. */
const spaced = (text: string): string => {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(text.trim())
  const unit = { ms: "millis", s: "seconds", m: "minutes", h: "hours", d: "days" } as const
  return match === null ? text.trim() : `${match[1]} ${unit[match[2] as keyof typeof unit]}`
}

const durationSetting = (variable: string, fallback: string, description: string, least?: string) =>
  setting({
    variable,
    schema: least === undefined ? duration : duration.pipe(Schema.greaterThanOrEqualToDuration(durationOf(least))),
    fallback: durationOf(fallback),
    shown: fallback,
    allowed: `a duration${least === undefined ? "" : ` of at least ${least}`}: \`90s\`, \`10m\`, \`1h\`, or a number of seconds`,
    description
  })

const durationOf = (text: string) => Option.getOrElse(Duration.decodeUnknown(spaced(text)), () => Duration.zero)

const intSetting = (variable: string, fallback: number, range: readonly [number, number], description: string) =>
  setting({
    variable,
    schema: Schema.NumberFromString.pipe(Schema.int(), Schema.between(...range)),
    fallback,
    shown: String(fallback),
    allowed: `a whole number from ${range[0]} to ${range[1]}`,
    description
  })

const optionalText = (variable: string, description: string) =>
  setting({
    variable,
    schema: Schema.transform(Schema.String, Schema.OptionFromSelf(Schema.String), {
      strict: true,
      decode: (text) => (text.trim() === "" ? Option.none() : Option.some(text.trim())),
      encode: (value) => Option.getOrElse(value, () => "")
    }),
    fallback: Option.none<string>(),
    shown: "",
    allowed: "text",
    description
  })

const flag = (variable: string, fallback: boolean, description: string) =>
  setting({
    variable,
    schema: Schema.transform(Schema.Literal("true", "1", "yes", "false", "0", "no"), Schema.Boolean, {
      strict: true,
      decode: (text) => text === "true" || text === "1" || text === "yes",
      encode: (value) => (value ? "true" : "false")
    }),
    fallback,
    shown: String(fallback),
    allowed: "`true` or `false`",
    description
  })

const choice = <const L extends ReadonlyArray<string>>(
  variable: string,
  allowed: L,
  fallback: L[number],
  description: string
) =>
  setting({
    variable,
    schema: Schema.String.pipe(
      Schema.filter((text): text is L[number] => allowed.includes(text), {
        message: () => "not one of the allowed values"
      })
    ),
    fallback,
    shown: fallback,
    allowed: allowed.map((value) => `\`${value}\``).join(", "),
    description
  })

const secret = (variable: string, allowed: string, description: string) =>
  setting({
    variable,
    // it goes into a header, which takes nothing else
    schema: Schema.transform(
      Schema.Trim.pipe(Schema.pattern(/^[\x21-\x7e]*$/)),
      Schema.OptionFromSelf(Schema.RedactedFromSelf(Schema.String)),
      {
        strict: true,
        decode: (text) => (text === "" ? Option.none() : Option.some(Redacted.make(text))),
        encode: () => "<redacted>"
      }
    ),
    fallback: Option.none<Redacted.Redacted>(),
    shown: "",
    allowed,
    description
  })

const httpUrl = Schema.transform(
  Schema.String.pipe(
    Schema.filter((text) => /^https?:\/\/[^/?#\s]+[^?#\s]*$/.test(text.trim()) && URL.canParse(text.trim()))
  ),
  Schema.OptionFromSelf(Schema.String),
  {
    strict: true,
    decode: (text) => Option.some(text.trim().replace(/\/+$/, "")),
    encode: (value) => Option.getOrElse(value, () => "")
  }
)

const toolsets: ReadonlyArray<string> = ["all", "lean", "agent", "runs", "models", "inference", "compat"]

const toolsetsOf = (text: string): ReadonlyArray<string> =>
  text.split(",").flatMap((name) => (name.trim() === "" ? [] : [name.trim()]))

/**
 * The table. Order is the README's order.
 *
 * @since 0.1.0
 * @category models
 */
export const table = {
  host: setting({
    variable: "LMSTUDIO_HOST",
    schema: Schema.NonEmptyTrimmedString.pipe(Schema.pattern(/^[^/\s]+$/)),
    fallback: "127.0.0.1",
    shown: "127.0.0.1",
    allowed: "a host name or address, without `http://` and without a port",
    description: "Where LM Studio's server listens."
  }),
  port: intSetting("LMSTUDIO_PORT", 1234, [1, 65535], "The port of LM Studio's server."),
  baseUrl: setting({
    variable: "LMSTUDIO_BASE_URL",
    schema: httpUrl,
    fallback: Option.none<string>(),
    shown: "",
    allowed: "an `http://` or `https://` URL; a path prefix is kept, a final `/v1` is not needed",
    description: "Address of the server as a whole; wins over host and port. For TLS, a proxy or a path prefix."
  }),
  apiToken: secret(
    "LM_API_TOKEN",
    "an API token: visible ASCII characters, without spaces",
    'Sent as `Authorization: Bearer`, for a server with "Require Authentication" on.'
  ),
  defaultModel: optionalText(
    "DEFAULT_MODEL",
    "Model key to use when none is named. Unset: a loaded model, else the best suited one on disk."
  ),
  mcpJsonPath: optionalText("MCP_JSON_PATH", "The mcp.json to use instead of looking for one."),
  mcpSources: choice(
    "LMS_BRIDGE_MCP_SOURCES",
    ["first", "all"],
    "first",
    "`first`: the first mcp.json that exists. `all`: those of the project, the user, VS Code, Cursor and Claude Desktop together."
  ),
  lmsBinary: optionalText("LMS_BRIDGE_LMS_BINARY", "Path of the `lms` executable, or `none` to do without it."),
  autostart: flag("LMS_BRIDGE_AUTOSTART", false, "Whether LM Studio or its server may be started when it is off."),
  logLevel: choice(
    "LMS_BRIDGE_LOG_LEVEL",
    ["trace", "debug", "info", "warning", "error", "none"],
    "info",
    "Least level that is logged to stderr."
  ),
  logFormat: choice(
    "LMS_BRIDGE_LOG_FORMAT",
    ["auto", "json", "pretty"],
    "auto",
    "`auto`: readable when stderr is a terminal, else JSON lines."
  ),
  ttl: durationSetting("LMS_BRIDGE_TTL", "600s", "Idle time after which a model that we loaded is unloaded.", "1s"),
  ttlTemporary: durationSetting("LMS_BRIDGE_TTL_TEMPORARY", "300s", "The same for temporary use.", "1s"),
  ttlMaximum: durationSetting("LMS_BRIDGE_TTL_MAX", "3600s", "No load may ask for more than this.", "1s"),
  loadTimeout: durationSetting("LMS_BRIDGE_LOAD_TIMEOUT", "10m", "Longest wait for a model to load."),
  lmsTimeout: durationSetting("LMS_BRIDGE_LMS_TIMEOUT", "30s", "Longest wait for any other `lms` command."),
  connectTimeout: durationSetting(
    "LMS_BRIDGE_CONNECT_TIMEOUT",
    "5s",
    "Longest wait for LM Studio to take a connection."
  ),
  firstByteTimeout: durationSetting(
    "LMS_BRIDGE_FIRST_BYTE_TIMEOUT",
    "10m",
    "Longest wait for the first byte of a reply; the prompt is processed before it."
  ),
  idleTimeout: durationSetting("LMS_BRIDGE_IDLE_TIMEOUT", "2m", "Longest silence in the middle of a reply."),
  requestTimeout: durationSetting("LMS_BRIDGE_REQUEST_TIMEOUT", "30m", "Longest time for one request as a whole."),
  retries: intSetting("LMS_BRIDGE_RETRIES", 3, [0, 20], "Retries after the first attempt, for errors that may pass."),
  retryBase: durationSetting("LMS_BRIDGE_RETRY_BASE", "1s", "Delay before the first retry; it doubles each time."),
  retryBudget: durationSetting("LMS_BRIDGE_RETRY_BUDGET", "30s", "No retry begins after this time."),
  breakerFailures: intSetting("LMS_BRIDGE_BREAKER_FAILURES", 5, [1, 1000], "Failures in a row that open the breaker."),
  breakerOpenFor: durationSetting("LMS_BRIDGE_BREAKER_OPEN_FOR", "60s", "How long an open breaker refuses calls."),
  maxRounds: intSetting("LMS_BRIDGE_MAX_ROUNDS", 50, [1, 10_000], "Rounds of one run: requests to the model."),
  runTimeout: durationSetting("LMS_BRIDGE_RUN_TIMEOUT", "10m", "Wall time of one run.", "1ms"),
  maxToolCalls: intSetting("LMS_BRIDGE_MAX_TOOL_CALLS", 200, [1, 100_000], "Tool calls of one run."),
  maxResultBytes: intSetting(
    "LMS_BRIDGE_MAX_RESULT_BYTES",
    64_000,
    [1000, 10_000_000],
    "Most of one tool result that is shown to the model; the rest is said to be there."
  ),
  mcpStartTimeout: durationSetting(
    "LMS_BRIDGE_MCP_START_TIMEOUT",
    "30s",
    "Longest wait for an MCP server to start and answer."
  ),
  mcpCallTimeout: durationSetting("LMS_BRIDGE_MCP_CALL_TIMEOUT", "2m", "Longest silence of an MCP server in a call."),
  mcpIdle: durationSetting("LMS_BRIDGE_MCP_IDLE", "5m", "An MCP server that nobody used for so long is closed."),
  toolsets: setting({
    variable: "LMS_BRIDGE_TOOLSETS",
    schema: Schema.transform(
      Schema.String.pipe(Schema.filter((text) => toolsetsOf(text).every((name) => toolsets.includes(name)))),
      Schema.Array(Schema.String),
      { strict: true, decode: toolsetsOf, encode: (names) => names.join(",") }
    ),
    fallback: ["all"],
    shown: "all",
    allowed: `one or more of ${toolsets.map((name) => `\`${name}\``).join(", ")}, with commas between`,
    description: "Which of the MCP server's tools are offered; `lean` is a small choice of them."
  }),
  detachAfter: setting({
    variable: "LMS_BRIDGE_DETACH_AFTER",
    schema: Schema.Union(Schema.Literal("auto", "never"), duration),
    fallback: "auto" as const,
    shown: "auto",
    allowed: "`auto` (as the MCP client is known to give up), `never`, or a duration",
    description: "When a delegated task answers with the id of the run, which goes on, instead of its result."
  }),
  httpToken: secret(
    "LMS_BRIDGE_HTTP_TOKEN",
    "a bearer token: visible ASCII characters, without spaces",
    "What clients of `serve --http` must present; required unless it listens on loopback."
  ),
  dataDir: optionalText("LMS_BRIDGE_DATA_DIR", "Where runs and locks are kept. Unset: `~/.lms-bridge`.")
} as const

/**
 * @since 0.1.0
 * @category models
 */
export type Values = { readonly [K in keyof typeof table]: (typeof table)[K] extends Setting<infer A> ? A : never }

/**
 * Variables whose values cannot be used. Values of secrets are never repeated.
 *
 * @since 0.1.0
 * @category errors
 */
export class SettingsInvalid extends Schema.TaggedError<SettingsInvalid>()("SettingsInvalid", {
  problems: Schema.Array(Schema.Struct({ variable: Schema.String, got: Schema.String, allowed: Schema.String }))
}) {
  readonly retryable = false
  override get message() {
    return this.problems
      .map(({ allowed, got, variable }) => `${variable} is "${got}", but must be ${allowed}.`)
      .join("\n")
  }
}

/**
 * The values when nothing is set.
 *
 * @since 0.1.0
 * @category constructors
 */
export const defaults: Values = Object.fromEntries(
  Object.entries(table).map(([key, { fallback }]) => [key, fallback])
) as Values // the mapped type of `table` itself, which `fromEntries` cannot express

/**
 * @since 0.1.0
 * @category services
 */
export class Settings extends Context.Tag("@lms-bridge/core/configuration/Settings")<Settings, Values>() {
  /** Reads all variables from the `ConfigProvider`; fails with all problems at once. */
  static readonly layer: Layer.Layer<Settings, SettingsInvalid> = Layer.effect(
    this,
    Effect.suspend(() => read)
  )
  /** Defaults with changes, for tests and programs that configure in code. */
  static readonly layerWith = (changes: Partial<Values>): Layer.Layer<Settings> =>
    Layer.succeed(this, { ...defaults, ...changes })
}

/**
 * The server's address: `LMSTUDIO_BASE_URL`, else host and port.
 *
 * @since 0.1.0
 * @category getters
 */
export const baseUrl = (settings: Values): string =>
  Option.getOrElse(settings.baseUrl, () => {
    const host = settings.host.includes(":") && !settings.host.startsWith("[") ? `[${settings.host}]` : settings.host
    return `http://${host}:${settings.port}`
  }).replace(/\/v1$/, "")

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const secrets: ReadonlyArray<string> = [table.apiToken.variable, table.httpToken.variable]

const readOne = (entry: Setting<unknown>) =>
  Config.string(entry.variable).pipe(
    Config.option,
    Effect.orElseSucceed(() => Option.none<string>()),
    Effect.map(
      Option.match({
        onNone: () => Either.right(entry.fallback),
        onSome: (text) =>
          Either.fromOption(entry.decode(text), () => ({
            variable: entry.variable,
            got: secrets.includes(entry.variable) ? "<redacted>" : text.slice(0, 80),
            allowed: entry.allowed
          }))
      })
    )
  )

const read: Effect.Effect<Values, SettingsInvalid> = Effect.gen(function* () {
  const entries = yield* Effect.forEach(Object.entries<Setting<unknown>>(table), ([key, entry]) =>
    Effect.map(readOne(entry), (result) => [key, result] as const)
  )
  const problems = entries.flatMap(([, result]) => (Either.isLeft(result) ? [result.left] : []))
  if (problems.length > 0) return yield* new SettingsInvalid({ problems })
  const values = Object.fromEntries(entries.map(([key, result]) => [key, Either.getOrThrow(result)])) as Values // as above
  return yield* withinMaximum(values)
})

/** An idle limit above the maximum is a mistake where it was set, and follows the maximum where it was not. */
const withinMaximum = (values: Values): Either.Either<Values, SettingsInvalid> => {
  const { ttlMaximum } = values
  const allowed = `at most ${table.ttlMaximum.variable}, which is ${Duration.format(ttlMaximum)}`
  const problems = (["ttl", "ttlTemporary"] as const)
    // the default is that very object
    .filter((key) => values[key] !== table[key].fallback && Duration.greaterThan(values[key], ttlMaximum))
    .map((key) => ({ variable: table[key].variable, got: Duration.format(values[key]), allowed }))
  if (problems.length > 0) return Either.left(new SettingsInvalid({ problems }))
  const [ttl, ttlTemporary] = [Duration.min(values.ttl, ttlMaximum), Duration.min(values.ttlTemporary, ttlMaximum)]
  return Either.right({ ...values, ttl, ttlTemporary })
}
