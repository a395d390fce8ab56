/** The table of the settings: each variable, how it is decoded, its default, and what a person is told about it. */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { aliasSetting } from "./AliasSetting.ts"
import { hostSetting } from "./HostSetting.ts"
import { authority } from "./ServerAddress.ts"
import {
  choice,
  duration,
  durationSetting,
  flag,
  httpUrl,
  intSetting,
  jsonDuration,
  optionalText,
  secret,
  setting
} from "./Setting.ts"

const toolsets: ReadonlyArray<string> = ["all", "lean", "agent", "runs", "models", "inference", "vision", "compat"]

const namesIn = (text: string): ReadonlyArray<string> =>
  text.split(",").flatMap((name) => (name.trim() === "" ? [] : [name.trim()]))

const skillsOf = (text: string): "all" | ReadonlyArray<string> => {
  const names = namesIn(text)
  if (names.length === 1 && names[0] === "all") return "all"
  return names.length === 1 && ["none", "off"].includes(names[0] ?? "") ? [] : names
}

/** The table. Order is that of docs/settings.md. */
export const table = {
  host: setting({
    variable: "LMSTUDIO_HOST",
    schema: Schema.NonEmptyTrimmedString.pipe(
      Schema.pattern(/^[^/\s]+$/),
      Schema.filter((host) => URL.canParse(`http://${authority(host, 1234)}`))
    ),
    fallback: "127.0.0.1",
    shown: "127.0.0.1",
    allowed: "a host name or address, without `http://`; a port in it counts before LMSTUDIO_PORT",
    description: "Where LM Studio's server listens."
  }),
  port: intSetting("LMSTUDIO_PORT", 1234, [1, 65535], "The port of LM Studio's server."),
  baseUrl: setting({
    variable: "LMSTUDIO_BASE_URL",
    schema: httpUrl,
    fallback: Option.none<string>(),
    shown: "",
    allowed: "an `http://` or `https://` URL; a path prefix is kept, a final `/v1` or `/api/v1` is not needed",
    description: "Full address of the server; overrides host and port. For TLS, a proxy or a path prefix."
  }),
  hosts: hostSetting(
    "LMS_BRIDGE_HOSTS",
    "Several LM Studios in place of one: a run goes where its model is in memory, else where it fits and the queue is shortest. Host, port and token above are then used only to tell which of them is on this machine."
  ),
  apiToken: secret(
    "LM_API_TOKEN",
    "an API token: visible ASCII characters, without spaces",
    'Sent as `Authorization: Bearer`, for a server with "Require Authentication" on.'
  ),
  defaultModel: optionalText(
    "DEFAULT_MODEL",
    "Model key to use when none is named. Unset: a loaded model, else the most suitable one on disk."
  ),
  aliases: aliasSetting(
    "LMS_BRIDGE_ALIASES",
    "Names for models, used wherever a model is named, with what may take their place. `models switch` changes the model behind a name while it is in use."
  ),
  contextLength: setting({
    variable: "LMS_BRIDGE_CONTEXT_LENGTH",
    schema: Schema.Union(
      Schema.Literal("fit", "auto", "own"),
      Schema.NumberFromString.pipe(Schema.int(), Schema.positive())
    ),
    json: Schema.Union(Schema.Literal("fit", "auto", "own"), Schema.Number.pipe(Schema.int(), Schema.positive())),
    fallback: "fit" as const,
    shown: "fit",
    allowed: "`fit`, `auto`, `own` or a whole number of tokens",
    description:
      "Context of the model of a run that asks for none. `fit`: 8192 tokens where the model can have them and `lms` estimates that they fit; `auto`: as much as fits, up to 32768; `own`: what LM Studio loads it with; a number: at least so many."
  }),
  workingDir: optionalText(
    "WORKING_DIR",
    "Folder for tasks that work on files and name none. Unset: the folder in which lms-bridge was started."
  ),
  githubToken: secret("GITHUB_PERSONAL_ACCESS_TOKEN", "a token", "For tasks on GitHub; never shown or stored.", /^/),
  mcpJsonPath: optionalText("MCP_JSON_PATH", "The mcp.json to use instead of looking for one."),
  mcpSources: choice(
    "LMS_BRIDGE_MCP_SOURCES",
    ["first", "all"],
    "first",
    "`first`: the first file that has servers. `all`: those of the project, the user and other MCP clients together."
  ),
  mcpLock: optionalText(
    "LMS_BRIDGE_MCP_LOCK",
    "The lock file for the tools of MCP servers. Unset: `mcp.lock` beside the configuration that has the server."
  ),
  lmsBinary: optionalText("LMS_BRIDGE_LMS_BINARY", "Path of the `lms` executable, or `none` to do without it."),
  autostart: flag("LMS_BRIDGE_AUTOSTART", false, "Whether LM Studio or its server may be started when it is off."),
  logLevel: choice(
    "LMS_BRIDGE_LOG_LEVEL",
    ["trace", "debug", "info", "warning", "error", "none"],
    "info",
    "Minimum level that is logged to stderr."
  ),
  logFormat: choice(
    "LMS_BRIDGE_LOG_FORMAT",
    ["auto", "json", "pretty"],
    "auto",
    "`auto`: readable when stderr is a terminal, else JSON lines."
  ),
  logFile: optionalText(
    "LMS_BRIDGE_LOG_FILE",
    "A file that gets every line of the log as JSON, besides stderr; the three before it are kept."
  ),
  logFileBytes: intSetting(
    "LMS_BRIDGE_LOG_FILE_BYTES",
    10_000_000,
    [10_000, 1_000_000_000],
    "Size at which a new log file is begun."
  ),
  metricsOpen: flag(
    "LMS_BRIDGE_METRICS_OPEN",
    false,
    "Whether `/metrics` of `serve --http` on loopback answers without the token."
  ),
  ttl: durationSetting("LMS_BRIDGE_TTL", "600s", "Idle time after which a model that we loaded is unloaded.", "1s"),
  ttlTemporary: durationSetting("LMS_BRIDGE_TTL_TEMPORARY", "300s", "The same, for temporary use.", "1s"),
  ttlMaximum: durationSetting(
    "LMS_BRIDGE_TTL_MAX",
    "3600s",
    "Upper limit of the idle time that a load may ask for.",
    "1s"
  ),
  loadTimeout: durationSetting("LMS_BRIDGE_LOAD_TIMEOUT", "10m", "Longest wait for a model to load."),
  comebackTimeout: durationSetting(
    "LMS_BRIDGE_COMEBACK_TIMEOUT",
    "1m",
    "Longest wait for LM Studio to come back after it stopped answering; `0s`: do not wait.",
    "0s"
  ),
  lmsTimeout: durationSetting("LMS_BRIDGE_LMS_TIMEOUT", "30s", "Longest wait for any other `lms` command."),
  connectTimeout: durationSetting(
    "LMS_BRIDGE_CONNECT_TIMEOUT",
    "5s",
    "Longest wait for LM Studio to accept a connection."
  ),
  lookTimeout: durationSetting(
    "LMS_BRIDGE_LOOK_TIMEOUT",
    "10s",
    "Longest wait for an answer that needs no inference, such as the list of models."
  ),
  firstByteTimeout: durationSetting(
    "LMS_BRIDGE_FIRST_BYTE_TIMEOUT",
    "10m",
    "Longest wait for the first byte of a reply, which comes after the prompt has been processed."
  ),
  idleTimeout: durationSetting("LMS_BRIDGE_IDLE_TIMEOUT", "2m", "Longest pause within a reply."),
  requestTimeout: durationSetting("LMS_BRIDGE_REQUEST_TIMEOUT", "30m", "Longest time for a whole request."),
  retries: {
    ...intSetting("LMS_BRIDGE_RETRIES", 3, [0, 20], "Retries after the first attempt, for transient errors."),
    formerly: "LMS_MAX_RETRIES"
  },
  retryBase: {
    ...durationSetting("LMS_BRIDGE_RETRY_BASE", "1s", "Delay before the first retry; it doubles each time."),
    formerly: "LMS_RETRY_BASE_DELAY"
  },
  retryMaximum: {
    ...durationSetting("LMS_BRIDGE_RETRY_MAX", "10s", "Longest delay before a retry."),
    formerly: "LMS_RETRY_MAX_DELAY"
  },
  retryBudget: durationSetting("LMS_BRIDGE_RETRY_BUDGET", "30s", "No retry starts after this time."),
  breakerFailures: intSetting(
    "LMS_BRIDGE_BREAKER_FAILURES",
    5,
    [1, 1000],
    "Consecutive failures that open the breaker."
  ),
  breakerOpenFor: durationSetting("LMS_BRIDGE_BREAKER_OPEN_FOR", "60s", "How long an open breaker refuses calls."),
  probe: choice(
    "LMS_BRIDGE_PROBE",
    ["auto", "off"],
    "auto",
    "`auto`: a run with tools first tries how a model that nobody measured makes calls, once; `off`: it never does."
  ),
  maxRounds: intSetting(
    "LMS_BRIDGE_MAX_ROUNDS",
    50,
    [1, 10_000],
    "Most rounds of one run, that is, requests to the model."
  ),
  runTimeout: durationSetting("LMS_BRIDGE_RUN_TIMEOUT", "10m", "Longest wall time of one run.", "1ms"),
  maxToolCalls: intSetting("LMS_BRIDGE_MAX_TOOL_CALLS", 200, [1, 100_000], "Most tool calls of one run."),
  maxResultBytes: intSetting(
    "LMS_BRIDGE_MAX_RESULT_BYTES",
    64_000,
    [1000, 10_000_000],
    "Most bytes of one tool result that are shown to the model; it is told about the rest."
  ),
  mcpStartTimeout: durationSetting(
    "LMS_BRIDGE_MCP_START_TIMEOUT",
    "30s",
    "Longest wait for an MCP server to start and answer."
  ),
  mcpCallTimeout: durationSetting(
    "LMS_BRIDGE_MCP_CALL_TIMEOUT",
    "2m",
    "Longest silence of an MCP server during a call."
  ),
  mcpCallTotal: durationSetting(
    "LMS_BRIDGE_MCP_CALL_TOTAL",
    "1h",
    "Longest time for one call to an MCP server, even if it reports progress."
  ),
  modelConcurrency: intSetting(
    "LMS_BRIDGE_MODEL_CONCURRENCY",
    4,
    [1, 1000],
    "Concurrent requests to one model, over all runs; further ones wait, and MCP clients take turns."
  ),
  mcpConcurrency: intSetting(
    "LMS_BRIDGE_MCP_CONCURRENCY",
    8,
    [1, 1000],
    "Concurrent calls to one MCP server, over all runs; further ones wait their turn."
  ),
  queue: intSetting(
    "LMS_BRIDGE_QUEUE",
    256,
    [0, 100_000],
    "Most requests that wait for one model, or calls for one MCP server; further ones are refused at once."
  ),
  requestsPerMinute: intSetting(
    "LMS_BRIDGE_REQUESTS_PER_MINUTE",
    6000,
    [1, 1_000_000],
    "Most requests of one MCP client a minute; further ones are refused with the time to wait."
  ),
  runsPerMinute: intSetting("LMS_BRIDGE_RUNS_PER_MINUTE", 300, [1, 100_000], "The same for runs that it starts."),
  mcpSampling: choice(
    "LMS_BRIDGE_MCP_SAMPLING",
    ["refuse", "ask", "allow"],
    "refuse",
    "Whether an MCP server may query the model of the run that uses it (sampling); `ask` asks you each time."
  ),
  mcpSamplingTokens: intSetting(
    "LMS_BRIDGE_MCP_SAMPLING_TOKENS",
    1000,
    [1, 100_000],
    "Most tokens of one answer to such a query."
  ),
  mcpIdle: durationSetting(
    "LMS_BRIDGE_MCP_IDLE",
    "5m",
    "An MCP server that has not been used for this long is closed."
  ),
  skills: setting({
    variable: "LMS_BRIDGE_SKILLS",
    schema: Schema.transform(Schema.String, Schema.Union(Schema.Literal("all"), Schema.Array(Schema.String)), {
      strict: true,
      decode: skillsOf,
      encode: (choice) => (choice === "all" ? choice : choice.join(",") || "none")
    }),
    json: Schema.Union(Schema.String, Schema.Array(Schema.String)),
    fallback: [] as "all" | ReadonlyArray<string>,
    shown: "none",
    allowed: "`none`, `all` or names of skills, separated by commas",
    description:
      "Your skills (folders with a SKILL.md, as in `~/.claude/skills`) that the model of a run may open, told in one line each; also served to MCP clients. A project's are used only by `--skills NAME`."
  }),
  toolsets: setting({
    variable: "LMS_BRIDGE_TOOLSETS",
    schema: Schema.transform(
      Schema.String.pipe(Schema.filter((text) => namesIn(text).every((name) => toolsets.includes(name)))),
      Schema.Array(Schema.String),
      { strict: true, decode: namesIn, encode: (names) => names.join(",") }
    ),
    json: Schema.Union(Schema.String, Schema.Array(Schema.Literal(...toolsets))),
    fallback: ["all"],
    shown: "all",
    allowed: `one or more of ${toolsets.map((name) => `\`${name}\``).join(", ")}, separated by commas`,
    description:
      "Which of the MCP server's tools are offered; `lean` is a small selection, `all` is everything except `vision`."
  }),
  detachAfter: setting({
    variable: "LMS_BRIDGE_DETACH_AFTER",
    schema: Schema.Union(Schema.Literal("auto", "never"), duration),
    json: jsonDuration,
    fallback: "auto" as const,
    shown: "auto",
    allowed: "`auto` (before the MCP client is known to give up), `never`, or a duration",
    description: "When a delegated task returns the run's id instead of its result; the run itself continues."
  }),
  httpSessions: intSetting(
    "LMS_BRIDGE_HTTP_SESSIONS",
    256,
    [1, 10_000],
    "Most MCP clients that `serve --http` serves at once; further ones are told to come back."
  ),
  httpToken: secret(
    "LMS_BRIDGE_HTTP_TOKEN",
    "a bearer token: visible ASCII characters, without spaces",
    "The token that clients of `serve --http` must present; required unless it listens on loopback."
  ),
  policyPath: optionalText(
    "LMS_BRIDGE_POLICY",
    "A JSON file with your rules for tools: which are allowed, asked about or refused (docs/configuration.md). Unset: `~/.config/lms-bridge/policy.json`, if it is there."
  ),
  databaseUrl: secret(
    "LMS_BRIDGE_DATABASE_URL",
    "an address such as `postgres://NAME:PASSWORD@HOST/DATABASE`",
    "The PostgreSQL database in which several machines share their runs (docs/operations/cluster.md). Unset: this machine alone.",
    /^(postgres(ql)?:\/\/\S+)?$/
  ),
  hostName: optionalText(
    "LMS_BRIDGE_HOST_NAME",
    "The name of this machine among several, for `worker`. Unset: the name that the system has for it."
  ),
  hostSlots: intSetting("LMS_BRIDGE_HOST_SLOTS", 4, [1, 1000], "Most runs that `worker` carries out at once."),
  queueLease: durationSetting(
    "LMS_BRIDGE_QUEUE_LEASE",
    "15s",
    "How long a worker may be silent before another one takes its runs.",
    "2s"
  ),
  queuePatience: durationSetting(
    "LMS_BRIDGE_QUEUE_PATIENCE",
    "10s",
    "How long a run waits for a host that has its model in memory before any host takes it.",
    "0s"
  ),
  queueKept: intSetting(
    "LMS_BRIDGE_QUEUE_KEPT",
    10_000,
    [100, 10_000_000],
    "How many ended runs the database keeps; the oldest ones go."
  ),
  dataDir: optionalText("LMS_BRIDGE_DATA_DIR", "Where runs and locks are stored. Unset: `~/.lms-bridge`.")
} as const
