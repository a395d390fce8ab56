/**
 * Maps an error body to an error, by its text and its codes, in this one table. For the same fault the HTTP status
 * differs between routes and versions (contract H32), so it is only the last resort.
 */
import { nearest } from "./ModelName.ts"
import {
  ContextOverflow,
  ModelCrashed,
  ModelLoadFailed,
  ModelLoadRefused,
  ModelNotFound,
  ModelNotLoaded,
  RequestRejected,
  ServerFault,
  TemplateRefused,
  ToolsRefused,
  Unauthorized,
  Unsupported,
  type LmStudioError
} from "./LmStudioError.ts"
import { exitCodeIn } from "./words/ExitCode.ts"
import { bytesOf } from "./lms/Messages.ts"
import { isTemplateRefusal, refusedTools } from "./RequestShape.ts"
import type { ErrorFacts } from "./wire/ErrorBody.ts"
import { present } from "../schema/Fields.ts"

/** An error body and the request that it answers. */
export interface Failure {
  /** What was requested, in a person's words: `chat`, `model load`. */
  readonly operation: string
  /** The requested model, if there was one. */
  readonly model?: string | undefined
  /** Undefined when the error came in the middle of a stream. */
  readonly status?: number | undefined
  readonly facts: ErrorFacts
  /** Characters of the reply that had already arrived. */
  readonly delivered?: number | undefined
  /** Whether the request carried an API token. */
  readonly hadToken?: boolean | undefined
}

/**
 * Total: if no rule applies, the error is a `RequestRejected` when the status blames the request, else a `ServerFault`.
 */
export const classify = (failure: Failure): LmStudioError => {
  for (const rule of rules) {
    const error = rule(failure)
    if (error !== undefined) return error
  }
  return unknown(failure)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Rule = (failure: Failure) => LmStudioError | undefined

const unknownRoute: Rule = ({ facts, operation, status }) =>
  /Unexpected endpoint or method/i.test(facts.message) ||
  // other servers: an HTML page or a bare sentence instead of an error that names a model
  (status === 404 &&
    facts.code === undefined &&
    /^(?:404 page not found|not found|file not found|cannot (?:get|post) )/i.test(facts.message)) ||
  status === 405
    ? new Unsupported({
        operation,
        dialect: "the route does not exist",
        instead: "Update LM Studio (0.4 or newer), or check LMSTUDIO_BASE_URL."
      })
    : undefined

const unauthorized: Rule = ({ facts, hadToken, status }) => {
  const { code, message } = facts
  if (
    /does not have (?:the )?permission|insufficient[_ ]permission|not permitted|forbidden/i.test(`${message} ${code}`)
  ) {
    return new Unauthorized({ reason: "Forbidden", serverMessage: message })
  }
  if (/Malformed LM Studio API token|invalid (?:api )?token|incorrect api key/i.test(message)) {
    return new Unauthorized({ reason: "Malformed", serverMessage: message })
  }
  // a server may ask for a token although it got one that it does not accept
  const asked = /API token is required|none was provided using the Authorization header/i.test(message)
  if (asked || code === "invalid_api_key" || status === 401) {
    return new Unauthorized({ reason: hadToken === true ? "Malformed" : "Missing", serverMessage: message })
  }
  return status === 403 ? new Unauthorized({ reason: "Forbidden", serverMessage: message }) : undefined
}

const contextOverflow: Rule = ({ facts, model = "" }) => {
  const { message, type } = facts
  const pair = overflows.map((pattern) => pattern.exec(message)).find((match) => match !== null)
  if (pair === undefined && type !== "exceed_context_size_error") return undefined
  const [prompt, context] = [pair?.groups?.prompt, pair?.groups?.context].map(tokensOf)
  return new ContextOverflow({
    model,
    serverMessage: message,
    ...present({ promptTokens: facts.promptTokens ?? prompt, contextLength: facts.contextLength ?? context })
  })
}

/** Undefined for a number that is not exact, such as one that is too large: the message has the figure in any case. */
const tokensOf = (digits: string | undefined): number | undefined => {
  const tokens = Number(digits)
  return digits !== undefined && Number.isSafeInteger(tokens) ? tokens : undefined
}

/** The wordings of contract C5 and H16, newest last. Not all of them contain both figures. */
const overflows = [
  /Trying to keep the first (?<prompt>\d+) tokens when context the overflows.*context length of only (?<context>\d+)/is,
  /number of tokens to keep from the initial prompt is greater than the context length(?:\s*\(n_keep:\s*(?<prompt>\d+)\s*>=\s*n_ctx:\s*(?<context>\d+)\))?/i,
  /Cannot truncate prompt with n_keep \((?<prompt>\d+)\) >= n_ctx \((?<context>\d+)\)/i,
  /request \((?<prompt>\d+) tokens\) exceeds the available context size \((?<context>\d+) tokens\)/i,
  /maximum context length is (?<context>\d+) tokens/i,
  /exceeds? (?:the )?(?:available |maximum |model's )?context (?:size|length|window)/i
]

const loadRefused: Rule = ({ facts: { message }, model }) => {
  // llama.cpp's router, when each model that it could push out is at work or being loaded
  if (/^model limit reached/i.test(message)) {
    return new ModelLoadRefused({ model: model ?? "", reason: "Places", couldUnload: [], serverMessage: message })
  }
  if (!/insufficient system resources|model loading guardrails/i.test(message)) return undefined
  const figure = /requires approximately ([\d.,]+)\s*([KMGT]?i?B)/i.exec(message)
  return new ModelLoadRefused({
    model: model ?? "",
    couldUnload: [],
    serverMessage: message,
    ...present({
      requiredBytes: figure?.[1] === undefined || figure[2] === undefined ? undefined : bytesOf(figure[1], figure[2])
    })
  })
}

const notLoaded: Rule = ({ facts: { message, code }, model, operation }) =>
  /No models? (?:is |are )?(?:currently )?loaded|^model is not loaded|No loaded model satisfies all requirements/i.test(
    message
  ) ||
  // unloading an instance that does not exist means that the model is not loaded
  (operation === "model unload" &&
    (code === "model_not_found" ||
      /not found|Cannot find a model|has already been unloaded|not loaded|not running/i.test(message)))
    ? new ModelNotLoaded({ serverMessage: message, ...present({ model }) })
    : undefined

const notFound: Rule = ({ facts, model }) => {
  const { code, message, type } = facts
  const named =
    /(?:Invalid model identifier|Model|model identifier|with (?:the )?(?:path|identifier)) ['"]([^'"]*)['"]/i.exec(
      message
    )
  if (
    code !== "model_not_found" &&
    type !== "model_not_found" &&
    !/Invalid model identifier|^Model ['"][^'"]*['"] not found|Cannot find a model with|No model found that matches|model ['"][^'"]*['"] (?:does not exist|not found)/im.test(
      message
    )
  ) {
    return undefined
  }
  const asked = model ?? named?.[1] ?? ""
  const available = namesIn(message)
  return new ModelNotFound({ model: asked, available, nearest: nearest(asked, available), serverMessage: message })
}

/** `(e.g., a, b, c)` in current versions, or the list under `Your models:` of 0.3.5. */
const namesIn = (message: string): ReadonlyArray<string> => {
  const list = /\(e\.g\.,?\s*([\s\S]*?)\)\.?\s*$/i.exec(message)?.[1]?.split(",")
  const lines = /(?:Your|Available) models:\s*\n([\s\S]*)$/i.exec(message)?.[1]?.split("\n")
  return (list ?? lines ?? []).map((name) => name.replace(/^\s*[-•]\s*/, "").trim()).filter((name) => name !== "")
}

/** The text decides: a crash may have the type `model_load_failed` although nothing was being loaded (contract J). */
const crashed: Rule = ({ facts: { message }, model = "", operation }) => {
  if (operation === "model load" || loadWords.test(message)) return undefined
  if (crashWords.test(message)) {
    return new ModelCrashed({
      model,
      reason: "Crashed",
      serverMessage: message,
      ...present({ exitCode: exitCodeIn(message) })
    })
  }
  return unloadedWords.test(message)
    ? new ModelCrashed({ model, reason: "Unloaded", serverMessage: message })
    : undefined
}

const crashWords =
  /The model has crashed|^proxy error:|unloaded or crashed|\b(?:model|engine|runner|worker|backend|llama-server|server process)(?: process)?(?: has)?(?: unexpectedly)? (?:crashed|terminated unexpectedly|exited unexpectedly|died)|process (?:has )?(?:crashed|terminated unexpectedly|exited unexpectedly)|runner process (?:has )?terminated|\bllama-server\b.{0,200}\bexited\b/is

const unloadedWords = /Model (?:is |was |has been )?unloaded|has already been unloaded/i

const loadWords =
  /Failed to load (?:the )?(?:model|LLM|embedding)|^model name=.{1,200} failed to load|Error loading model|exited before becoming healthy|No LM Runtime found|Load cancelled/i

const loadFailed: Rule = ({ facts: { message, type }, model = "", operation }) => {
  if (
    type !== "model_load_failed" &&
    !loadWords.test(message) &&
    !/SIGABRT/.test(message) &&
    !(operation === "model load" && (crashWords.test(message) || unloadedWords.test(message)))
  ) {
    return undefined
  }
  const reason = /No LM Runtime found|missing runtime/i.test(message)
    ? "NoRuntime"
    : /cancell?ed|aborted by (?:the )?(?:user|client)/i.test(message)
      ? "Cancelled"
      : /SIGABRT|Exit code|exitCode|exited before|crash|out of memory/i.test(message)
        ? "Engine"
        : "Other"
  return new ModelLoadFailed({ model, reason, serverMessage: message })
}

/**
 * The model needs time, in the words of LM Studio, llama-server (`Loading model`, 503) or Ollama (`llm server loading
 * model`).
 */
const loading: Rule = ({ delivered = 0, facts: { message }, operation }) =>
  stillLoading.test(message) && !loadWords.test(message)
    ? new ServerFault({ operation, reason: "Loading", serverMessage: message, delivered })
    : undefined

const stillLoading =
  /^\W*Loading (?:the )?model\b|\b(?:server|model|runner)(?: ["'][^"']{1,200}["'])? (?:is |are )?(?:still |currently |now )*(?:being loaded|loading)\b|\bstill loading\b|\bmodel is (?:not ready yet|starting|warming up)\b|\b(?:wait|try again).{0,60}\bwhile (?:the |your )?model (?:is )?(?:loads|loading|being loaded)\b/i

const stateStore: Rule = ({ delivered = 0, facts: { code, message }, operation }) => {
  if (/Prediction history node.*not found in shard/is.test(message)) {
    return new ServerFault({ operation, reason: "StateStore", serverMessage: message, delivered })
  }
  return code === "previous_response_not_found" ||
    /Prediction history node with id .* not found|Could not find stored response/i.test(message)
    ? // always the same code for this fault, so that the caller can send the whole history instead (H17)
      new RequestRejected({
        operation,
        code: "previous_response_not_found",
        param: "previous_response_id",
        serverMessage: message
      })
    : undefined
}

const engine: Rule = ({ delivered = 0, facts: { message }, operation }) => {
  const reason = engineFaults.find(([pattern]) => pattern.test(message))?.[1]
  return reason === undefined ? undefined : new ServerFault({ operation, reason, serverMessage: message, delivered })
}

const engineFaults: ReadonlyArray<readonly [RegExp, ServerFault["reason"]]> = [
  [/Failed to parse tool call/i, "ToolCallParse"],
  [/failed to (?:parse|initialize|compile) grammar/i, "Grammar"],
  [/received prediction-error|Channel Error/i, "Engine"],
  [/too many requests|server is (?:busy|overloaded)|queue is full|rate limit/i, "Busy"]
]

const templateRefused: Rule = ({ facts: { message }, model = "", operation }) =>
  operation !== "model load" && isTemplateRefusal(message)
    ? new TemplateRefused({ model, serverMessage: message })
    : undefined

const toolsRefused: Rule = ({ facts }) => {
  const [first, ...others] = refusedTools(facts)
  return first === undefined ? undefined : new ToolsRefused({ tools: [first, ...others], serverMessage: facts.message })
}

const rejected: Rule = ({ facts: { code, message, param, type }, operation, status }) =>
  // the type is a default of the routes: with a 500 that blames no field, it means nothing
  ((type === "invalid_request" || type === "invalid_request_error") &&
    !(status !== undefined && status >= 500 && code === undefined && param === undefined)) ||
  rejectionCodes.has(code ?? "") ||
  /Invalid 'messages' in payload|Invalid tool_choice type|'response_format\.type' must be|Unrecognized key\(s\) in object|does not support reasoning configuration|" is required|invalid JSON|Expected .* in JSON|Unexpected token/i.test(
    message
  ) ||
  // llama.cpp, of pictures and of what it was not started for, with a 500 and a 501
  /^(?:image|audio|video) input is not supported/i.test(message) ||
  type === "not_supported_error" ||
  type === "job_not_found" ||
  type === "not_implemented"
    ? new RequestRejected({
        operation,
        serverMessage: message,
        ...present({ code: code ?? (status === undefined || type === "job_not_found" ? type : undefined), param })
      })
    : undefined

const rejectionCodes: ReadonlySet<string> = new Set([
  "missing_required_parameter",
  "unrecognized_keys",
  "invalid_value",
  "job_not_found"
])

/** Order matters: a guardrail text comes within a load failure, and almost everything is an `invalid_request`. */
const rules: ReadonlyArray<Rule> = [
  unknownRoute,
  // the text that a template raises may contain anything
  templateRefused,
  unauthorized,
  contextOverflow,
  loadRefused,
  stateStore,
  notLoaded,
  notFound,
  crashed,
  loading,
  loadFailed,
  engine,
  toolsRefused,
  rejected
]

const unknown = ({ delivered = 0, facts, operation, status }: Failure): LmStudioError => {
  const serverMessage = facts.message
  if (status === 429 || status === 503) {
    return new ServerFault({ operation, reason: "Busy", serverMessage, delivered })
  }
  if ((status === 502 || status === 504) && isPage.test(serverMessage)) {
    return new ServerFault({ operation, reason: "Gateway", serverMessage, delivered })
  }
  return status !== undefined && status >= 400 && status < 500
    ? new RequestRejected({ operation, serverMessage, ...present({ code: facts.code, param: facts.param }) })
    : // LM Studio itself reports an internal fault as `internal_error` or with the code `unknown` (A9); a proxy does not
      new ServerFault({
        operation,
        reason: facts.type === "internal_error" || facts.code === "unknown" ? "Engine" : "Unknown",
        serverMessage,
        delivered
      })
}

/** An HTML page, an empty body or a proxy's own words: the server behind the proxy does not answer. */
const isPage = /^\s*(?:<|$)|bad gateway|gateway time-?out/i
