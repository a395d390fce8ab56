/** Everything about the simulated LM Studio that a test can switch, as plain data with the values of version 0.4.25. */
import * as Duration from "effect/Duration"

/** How the simulated machine is set up. All durations may be zero. */
export interface Settings {
  /** The stand-in's name where LM Studio has none. */
  readonly name: string
  readonly appVersion: string
  /** What `lms version` prints since January 2026. */
  readonly cliCommit: string
  /** The version of `lms` as year and month, for example 202608: newer flags and JSON fields do not exist. */
  readonly cliSince: number
  /**
   * `native-v1` has all routes, `legacy-v0` lacks `/api/v1`, `openai-only` is another product with only `/v1`,
   * `llama-router` is llama.cpp's server with many models.
   */
  readonly api: "native-v1" | "legacy-v0" | "openai-only" | "llama-router"
  /** How llama.cpp's router was started. */
  readonly router: RouterSettings
  /** Whether LM Studio (app or llmster) is running. */
  readonly appRunning: boolean
  /** Running as the app's window (true) or as the headless llmster. */
  readonly gui: boolean
  /** The process id that `lms daemon` shows; no process in the simulator has it. */
  readonly pid: number
  /** Whether there is something that `lms` can start when LM Studio is off. */
  readonly installed: boolean
  /** How long it takes to start LM Studio from `lms`; `null` if it never starts. */
  readonly autostartDelay: Duration.DurationInput | null
  /** Whether the HTTP server is on. */
  readonly serverRunning: boolean
  /** Every route except the greeting answers 503 `Loading model`, as llama-server does while it starts. */
  readonly warmingUp: boolean
  readonly jitLoading: boolean
  /** `false`: just-in-time loading is configured but fails with "No models loaded" (0.4.8). */
  readonly jitWorks: boolean
  /** N concurrent first requests start N instances. */
  readonly jitRace: boolean
  readonly jitTtl: Duration.DurationInput
  /** "Auto Unload Unused JIT Models". */
  readonly jitAutoUnload: boolean
  /** "Only Keep Last JIT Loaded Model". */
  readonly autoEvict: boolean
  readonly authRequired: boolean
  readonly tokens: ReadonlyArray<string>
  /** Tokens that are valid but have no permissions. */
  readonly powerlessTokens: ReadonlyArray<string>
  /** Memory for all models together, in bytes; `null` switches the guardrail off. */
  readonly memoryBudgetBytes: number | null
  readonly loadTime: Duration.DurationInput
  /** Models on other devices of LM Link, which `lms` lists with their device. */
  readonly linked: ReadonlyArray<{ readonly device: string; readonly model: string; readonly loaded: boolean }>
  /** A load continues when its client goes away. */
  readonly loadOutlivesClient: boolean
  readonly downloadTime: Duration.DurationInput
  readonly promptProcessing: Duration.DurationInput
  /** Time between two pieces of a reply. */
  readonly tokenDelay: Duration.DurationInput
  /** Words per streamed piece. */
  readonly wordsPerPiece: number
  /** How many requests one instance works on concurrently. */
  readonly parallel: number
  /** "When applicable, separate reasoning_content": off leaves `<think>` tags in the content. */
  readonly separateReasoning: boolean
  /** The `/v1` answer to an unknown model name: the current 400 or the 404 of 0.3.5. */
  readonly unknownModel: "400" | "404"
  /**
   * The shape of context overflow on `/v1/chat/completions`: the bare string of 0.4.25 or the object of newer engines.
   */
  readonly overflow: "string" | "engine"
  /** The wording of context overflow. */
  readonly overflowWording: "tokens-to-keep" | "tokens-to-keep-numbers" | "keep-first" | "cannot-truncate" | "available"
  /** HTTP status of a failed native load: 500 in most records; one has 200 and one 400. */
  readonly loadFailureStatus: 200 | 400 | 500
  /** Errors inside a stream carry a bare string (0.3.x) or an object. */
  readonly streamErrors: "string" | "object"
  /** The text after `Exit code:` in the message of an engine crash. */
  readonly crashExitCode: string
  /** A crash has the type `model_load_failed`, although nothing was being loaded. */
  readonly crashCallsItselfLoad: boolean
  /** The system's language, which `lms` uses unless `LMS_LANG` is set. */
  readonly language: "en" | "zh-CN"
  /** The format of a chat template's refusal: LM Studio's own 400, or a 500 around the engine's message. */
  readonly templateErrors: "rendering" | "engine"
  /** Tool-call replies without a `content` key (0.3.x). */
  readonly toolCallsWithoutContent: boolean
  /** `/api/v0/models` still reports a loaded model as not loaded. */
  readonly v0Lags: boolean
  /** The state store of responses is damaged: every call that uses it fails. */
  readonly historyCorrupt: boolean
  /** `top_p: false` in replies of `/v1/responses`, as observed with 0.4.25. */
  readonly oddResponses: boolean
  /** `prompt_processing.end` comes twice in one native stream. */
  readonly promptEndTwice: boolean
  /** "Allow calling servers from mcp.json" and per-request MCPs. */
  readonly integrationsAllowed: boolean
  readonly spinnerInterval: Duration.DurationInput
}

/** The options of llama-server that its life cycle depends on. */
export interface RouterSettings {
  /** `--models-max`; 0 is no limit. */
  readonly places: number
  /** `--models-autoload`: a request to a model that does not run starts it. */
  readonly autoload: boolean
  /** `--sleep-idle-seconds`; null is never. */
  readonly sleepAfter: Duration.DurationInput | null
  /** `-c`; 0 is what each model was trained with. */
  readonly contextLength: number
  /** Whether `GET /slots` tells anything (`--slots`). */
  readonly slots: boolean
}

/** LM Studio 0.4.25 with its server on, nothing loaded, no delays. */
export const defaultSettings: Settings = {
  name: "the lms-bridge stand-in",
  appVersion: "0.4.25+1",
  cliCommit: "07b7252",
  cliSince: 202608,
  api: "native-v1",
  router: { places: 4, autoload: true, sleepAfter: null, contextLength: 4096, slots: true },
  appRunning: true,
  gui: true,
  pid: 74849,
  installed: true,
  autostartDelay: Duration.seconds(3),
  serverRunning: true,
  warmingUp: false,
  jitLoading: true,
  jitWorks: true,
  jitRace: true,
  jitTtl: Duration.minutes(60),
  jitAutoUnload: true,
  autoEvict: true,
  authRequired: false,
  tokens: [],
  powerlessTokens: [],
  memoryBudgetBytes: null,
  linked: [],
  loadTime: Duration.zero,
  loadOutlivesClient: true,
  downloadTime: Duration.zero,
  promptProcessing: Duration.zero,
  tokenDelay: Duration.zero,
  wordsPerPiece: 3,
  parallel: 4,
  separateReasoning: true,
  unknownModel: "400",
  overflow: "string",
  overflowWording: "tokens-to-keep",
  loadFailureStatus: 500,
  streamErrors: "object",
  crashExitCode: "18446744072635812000",
  crashCallsItselfLoad: false,
  language: "en",
  templateErrors: "rendering",
  toolCallsWithoutContent: false,
  v0Lags: false,
  historyCorrupt: false,
  oddResponses: false,
  promptEndTwice: false,
  integrationsAllowed: false,
  spinnerInterval: Duration.millis(80)
}

/** LM Studio 0.3.14 of spring 2025: no native API, older wordings, an older `lms`. */
export const lmStudio_0_3: Partial<Settings> = {
  appVersion: "0.3.14",
  cliSince: 202504,
  api: "legacy-v0",
  unknownModel: "404",
  overflowWording: "keep-first",
  streamErrors: "string",
  toolCallsWithoutContent: true,
  separateReasoning: false
}

/** A server with OpenAI's API that is not LM Studio (llama-server, Ollama, vLLM): no life cycle, no `lms`. */
export const otherProduct: Partial<Settings> = { api: "openai-only", appRunning: false, installed: false }

/** llama.cpp's server with the models of a folder, of which one at a time runs; no `lms`. */
export const llamaRouter = (router: Partial<RouterSettings> = {}): Partial<Settings> => ({
  api: "llama-router",
  router: { ...defaultSettings.router, places: 1, ...router },
  installed: false
})
