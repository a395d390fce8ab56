/**
 * Everything that can go wrong between us and LM Studio, as values: facts, whether trying again can help, and what to
 * do next. `ErrorClassifier` alone decides which body becomes which error, by text and code and never by HTTP status
 * alone (contract C5, H32). `farSideFault` means that a failure counts on the circuit breaker: LM Studio or the way to
 * it is broken, rather than the request.
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { ContextFixed, ModelCrashed, ModelLoadFailed, ModelLoadRefused } from "./LostModel.ts"
import { TemplateRefused, ToolsRefused } from "./RequestShape.ts"
import { optional } from "../schema/Fields.ts"
import { serverSaid, shown } from "./words/saidByServer.ts"
import type { CircuitOpen } from "../resilience/CircuitBreaker.ts"
import type { Overloaded } from "../resilience/Overloaded.ts"

export { ContextFixed, ModelCrashed, ModelLoadFailed, ModelLoadRefused } from "./LostModel.ts"
export { TemplateRefused, ToolsRefused } from "./RequestShape.ts"

/** Nothing that speaks LM Studio's protocol answers at `baseUrl`. */
export class LmStudioUnreachable extends Schema.TaggedError<LmStudioUnreachable>()("LmStudioUnreachable", {
  baseUrl: Schema.String,
  reason: Schema.Literal("Refused", "Timeout", "NotFound", "Tls", "Transport", "NotLmStudio"),
  /** It has answered this process before: it went away since then, and may come back. */
  answeredBefore: optional(Schema.Boolean),
  cause: optional(Schema.Defect)
}) {
  /** A server that was silent for the whole time limit is not asked again at once. */
  get retryable() {
    return this.reason === "Transport"
  }
  /** A server that went away refuses at once: a breaker would save no time, and would keep us away when it is back. */
  get farSideFault() {
    return (
      this.reason !== "Tls" &&
      this.reason !== "NotLmStudio" &&
      !(this.reason === "Refused" && this.answeredBefore === true)
    )
  }
  override get message() {
    if (this.reason === "NotLmStudio") {
      return `Something answers at ${this.baseUrl}, but it is neither LM Studio nor an OpenAI-compatible server. Check LMSTUDIO_HOST, LMSTUDIO_PORT or LMSTUDIO_BASE_URL.`
    }
    if (this.answeredBefore === true && this.reason !== "Timeout") {
      return `LM Studio at ${this.baseUrl} answered before, but does not any more (${this.reason.toLowerCase()}): it crashed or was closed. Start it and its server again (Developer tab, or \`lms server start\`); LMS_BRIDGE_COMEBACK_TIMEOUT says how long a run waits for that.`
    }
    return this.reason === "Timeout"
      ? `LM Studio does not answer at ${this.baseUrl} in time. If it is running there, it is busy or stuck: wait, or restart it (LMS_BRIDGE_CONNECT_TIMEOUT sets the limit). Otherwise start its server, or set LMSTUDIO_HOST, LMSTUDIO_PORT or LMSTUDIO_BASE_URL.`
      : `LM Studio does not answer at ${this.baseUrl} (${this.reason.toLowerCase()}). Start its server (Developer tab, or \`lms server start\`), or set LMSTUDIO_HOST, LMSTUDIO_PORT or LMSTUDIO_BASE_URL.`
  }
}

/** The server requires an API token and got none, a malformed one, or one without the permission. */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {
  reason: Schema.Literal("Missing", "Malformed", "Forbidden"),
  serverMessage: Schema.String
}) {
  readonly retryable = false
  override get message() {
    return this.reason === "Missing"
      ? "LM Studio requires an API token. Create one in its Server Settings and set LM_API_TOKEN."
      : `LM Studio refused the API token. Check LM_API_TOKEN and the token's permissions.${serverSaid(this.serverMessage)}`
  }
}

/** There is no model of that name on the machine. `nearest` are the most similar names. */
export class ModelNotFound extends Schema.TaggedError<ModelNotFound>()("ModelNotFound", {
  model: Schema.String,
  available: Schema.Array(Schema.String),
  nearest: Schema.Array(Schema.String),
  serverMessage: optional(Schema.String),
  /** What was searched, if not the models on disk. */
  searched: optional(Schema.Literal("catalogue")),
  /** The alias that stands for it. */
  alias: optional(Schema.String)
}) {
  readonly retryable = false
  override get message() {
    if (this.searched === "catalogue") {
      return `LM Studio's catalogue has no model "${shown(this.model)}". Names are found in LM Studio's app or at https://lmstudio.ai/models; the URL of a Hugging Face repository is accepted, too.`
    }
    const hint =
      this.nearest.length > 0
        ? `Did you mean ${this.nearest.join(" or ")}?`
        : this.available.length > 0
          ? `Available: ${this.available.slice(0, 8).join(", ")}${this.available.length > 8 ? ", …" : ""}.`
          : this.serverMessage === undefined
            ? "No models are downloaded; download one in LM Studio or with `lms get`."
            : "`lms-bridge models ls` lists those on this machine."
    const behind = this.alias === undefined ? "" : `, for which the alias "${shown(this.alias)}" stands`
    return `There is no model "${shown(this.model)}"${behind}. ${hint}`
  }
}

/** The model exists but is not in memory, and this operation does not load it. */
export class ModelNotLoaded extends Schema.TaggedError<ModelNotLoaded>()("ModelNotLoaded", {
  model: optional(Schema.String),
  serverMessage: optional(Schema.String),
  /** Models in memory with nearly that name. */
  nearest: optional(Schema.Array(Schema.String))
}) {
  readonly retryable = false
  override get message() {
    const { nearest = [] } = this
    const meant = nearest.length === 0 ? "" : ` Did you mean ${nearest.join(" or ")}?`
    return this.model === undefined
      ? "No model is loaded. Load one with `lms-bridge models ensure NAME`."
      : `Model "${this.model}" is not loaded.${meant} Load it with \`lms-bridge models ensure ${this.model}\`.`
  }
}

/** The conversation is longer than the loaded context. Token counts where LM Studio reported them. */
export class ContextOverflow extends Schema.TaggedError<ContextOverflow>()("ContextOverflow", {
  model: Schema.String,
  promptTokens: optional(Schema.Number),
  contextLength: optional(Schema.Number),
  serverMessage: Schema.String
}) {
  readonly retryable = false
  override get message() {
    const figures =
      this.promptTokens === undefined || this.contextLength === undefined
        ? ""
        : ` (${this.promptTokens} tokens, the context has ${this.contextLength})`
    return `The request does not fit the context that "${this.model}" is loaded with${figures}. Load it with a larger context (\`lms-bridge models ensure ${this.model} --context-length N\`), or send less.`
  }
}

/** LM Studio understood the request and refused it. With the code `not_sent`, we refused it ourselves. */
export class RequestRejected extends Schema.TaggedError<RequestRejected>()("RequestRejected", {
  operation: Schema.String,
  code: optional(Schema.String),
  param: optional(Schema.String),
  serverMessage: Schema.String
}) {
  readonly retryable = false
  override get message() {
    if (this.code === "not_sent") return `The request (${this.operation}) was not sent: ${this.serverMessage}`
    return `LM Studio refused ${this.operation}${this.param === undefined ? "" : ` because of "${shown(this.param)}"`}.${serverSaid(this.serverMessage)}`
  }
}

/** LM Studio itself failed: an engine error, a corrupt store, a tool call it could not parse. */
export class ServerFault extends Schema.TaggedError<ServerFault>()("ServerFault", {
  operation: Schema.String,
  reason: Schema.Literal("Engine", "ToolCallParse", "StateStore", "Grammar", "Busy", "Loading", "Gateway", "Unknown"),
  serverMessage: Schema.String,
  /** Characters of the reply that had already been delivered. */
  delivered: Schema.Number
}) {
  /**
   * A request whose output has already been shown is never silently repeated. A grammar fault or a broken store does
   * not go away. A model that is loading, or a server behind a proxy, is waited for elsewhere rather than retried a few
   * times.
   */
  get retryable() {
    return this.delivered === 0 && !["Grammar", "StateStore", "Loading", "Gateway"].includes(this.reason)
  }
  /** An unparsable schema or tool call concerns the request and the model; a server that loads a model is working. */
  get farSideFault() {
    return !["Grammar", "ToolCallParse", "Loading", "Gateway"].includes(this.reason)
  }
  override get message() {
    if (this.reason === "Loading") {
      return `The model is still loading.${serverSaid(this.serverMessage)} Wait until it is loaded; LMS_BRIDGE_LOAD_TIMEOUT sets how long lms-bridge waits for it.`
    }
    return `LM Studio failed at ${this.operation}.${serverSaid(this.serverMessage)} ${serverFaultHelp[this.reason]}`
  }
}

const serverFaultHelp: Readonly<Record<Exclude<ServerFault["reason"], "Loading">, string>> = {
  Engine: "Try again; if it persists, reload the model or look at `lms log stream --source runtime`.",
  ToolCallParse:
    "The model wrote a tool call that LM Studio cannot parse: try again, or use a model trained for tool use.",
  StateStore: "Its store of past responses is damaged: delete .internal/api-prediction-history in the LM Studio home.",
  Grammar:
    "The schema of a tool or of the answer is too complex for its engine: offer fewer tools or a simpler schema.",
  Gateway:
    "Only a proxy answers: start LM Studio and its server behind it. LMS_BRIDGE_COMEBACK_TIMEOUT says how long lms-bridge waits for that.",
  Busy: "It is overloaded: try again later.",
  Unknown: "`lms log stream --source server` may show why."
}

/** A reply that is not what the route promises. */
export class ReplyMalformed extends Schema.TaggedError<ReplyMalformed>()("ReplyMalformed", {
  operation: Schema.String,
  detail: Schema.String
}) {
  readonly retryable = false
  override get message() {
    return `LM Studio's reply to ${this.operation} has an unexpected format: ${this.detail}. \`lms-bridge doctor\` shows which server and version answers.`
  }
}

/** The stream ended or the socket broke before the reply was whole. */
export class StreamCut extends Schema.TaggedError<StreamCut>()("StreamCut", {
  operation: Schema.String,
  /** Characters of text, reasoning and tool calls that had arrived. */
  delivered: Schema.Number,
  cause: optional(Schema.Defect)
}) {
  readonly farSideFault = true
  get retryable() {
    return this.delivered === 0
  }
  override get message() {
    return `The connection to LM Studio broke after ${this.delivered} characters of the reply to ${this.operation}. The model may have crashed; \`lms-bridge models ps\` shows whether it is still loaded.`
  }
}

/** A time limit of ours passed. `phase` says which one. */
export class RequestTimeout extends Schema.TaggedError<RequestTimeout>()("RequestTimeout", {
  operation: Schema.String,
  phase: Schema.Literal("Connect", "Look", "FirstByte", "BetweenBytes", "Total"),
  limit: Schema.DurationFromMillis,
  delivered: Schema.Number
}) {
  readonly farSideFault = true
  get retryable() {
    return this.phase === "Connect"
  }
  override get message() {
    const what = {
      Connect: "did not accept the connection",
      Look: "did not answer",
      FirstByte: "sent nothing",
      BetweenBytes: "stopped sending",
      Total: "did not finish"
    }[this.phase]
    const help = {
      Connect: "Check whether it is busy or stuck; LMS_BRIDGE_CONNECT_TIMEOUT sets the limit.",
      Look: "It is busy or stuck: wait, or restart it. LMS_BRIDGE_LOOK_TIMEOUT sets the limit.",
      FirstByte: "A long prompt on a slow machine may need more time: LMS_BRIDGE_FIRST_BYTE_TIMEOUT sets the limit.",
      BetweenBytes: "The model may be stuck; LMS_BRIDGE_IDLE_TIMEOUT sets the limit.",
      Total: "LMS_BRIDGE_REQUEST_TIMEOUT sets the limit for requests to models."
    }[this.phase]
    return `LM Studio ${what} within ${Duration.format(this.limit)} (${this.operation}). ${help}`
  }
}

/** This server does not support the operation at all. */
export class Unsupported extends Schema.TaggedError<Unsupported>()("Unsupported", {
  operation: Schema.String,
  dialect: Schema.String,
  instead: Schema.String
}) {
  readonly retryable = false
  override get message() {
    return `This server does not offer "${this.operation}" (${this.dialect}). ${this.instead}`
  }
}

/** A model other than the requested one answered (H4): with one model loaded, LM Studio lets it answer for any name. */
export class WrongModelAnswered extends Schema.TaggedError<WrongModelAnswered>()("WrongModelAnswered", {
  asked: Schema.String,
  answered: Schema.String
}) {
  readonly retryable = false
  override get message() {
    return `"${this.asked}" was requested, but "${this.answered}" answered. Load the requested model first: \`lms-bridge models ensure ${this.asked}\`.`
  }
}

export const LmStudioError = Schema.Union(
  LmStudioUnreachable,
  Unauthorized,
  ModelNotFound,
  ModelNotLoaded,
  ModelLoadRefused,
  ModelLoadFailed,
  ModelCrashed,
  ContextFixed,
  ContextOverflow,
  RequestRejected,
  TemplateRefused,
  ToolsRefused,
  ServerFault,
  ReplyMalformed,
  StreamCut,
  RequestTimeout,
  Unsupported,
  WrongModelAnswered
)
export type LmStudioError = typeof LmStudioError.Type

/** What a request can end with: what the server says, or that it was not sent. */
export type ApiError = LmStudioError | CircuitOpen | Overloaded
