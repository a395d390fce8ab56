/** Errors of a model that cannot be loaded, or that is lost while it works. */
import * as Schema from "effect/Schema"
import { exitCodeMeaning } from "./words/ExitCode.ts"
import { optional } from "../schema/Fields.ts"
import { sentence, serverSaid } from "./words/saidByServer.ts"

/** LM Studio will not load the model because it would not fit in memory. Bytes where LM Studio reported figures. */
export class ModelLoadRefused extends Schema.TaggedError<ModelLoadRefused>()("ModelLoadRefused", {
  model: Schema.String,
  requiredBytes: optional(Schema.Number),
  /** `Places`: it is not memory that is missing, the server keeps only so many models at a time. */
  reason: optional(Schema.Literal("Places")),
  /** Idle models that we loaded and could unload to make room. */
  couldUnload: Schema.Array(Schema.String),
  serverMessage: Schema.String
}) {
  readonly retryable = false
  override get message() {
    if (this.reason === "Places") {
      return `The server has no free place for model "${this.model}". ${sentence(this.serverMessage)} Wait until one is free, unload a model (\`lms-bridge models unload NAME\`, with --force one that lms-bridge did not load), or start llama-server with a larger --models-max.`
    }
    const need =
      this.requiredBytes === undefined ? "" : ` It needs about ${(this.requiredBytes / 2 ** 30).toFixed(1)} GiB.`
    const next =
      this.couldUnload.length > 0
        ? `Unload ${this.couldUnload.join(", ")} first (\`--make-room\`, or \`makeRoom\` in a program, does it), or ask for a smaller context.`
        : "Unload other models, ask for a smaller context, or choose a smaller model."
    // LM Studio's text names a setting that may help, and its estimate may be wrong (H19)
    return `Model "${this.model}" does not fit in memory.${need}${serverSaid(this.serverMessage)} ${next}`
  }
}

/**
 * Loading began and failed: engine crash, missing runtime, broken file. Running out of GPU memory looks the same (H20).
 */
export class ModelLoadFailed extends Schema.TaggedError<ModelLoadFailed>()("ModelLoadFailed", {
  model: Schema.String,
  /** With `NotVerified`, `Timeout`, `NoWay` and `Ended` (the process that was to load it), `serverMessage` is written by us. */
  reason: Schema.Literal("Engine", "NoRuntime", "NotVerified", "NoWay", "Cancelled", "Timeout", "Ended", "Other"),
  serverMessage: Schema.String
}) {
  readonly retryable = false
  override get message() {
    const what = `Model "${this.model}" could not be loaded`
    switch (this.reason) {
      case "NoWay":
        return `${what}: ${sentence(this.serverMessage)}`
      case "NotVerified":
        return `${what}: ${sentence(this.serverMessage)} Look at \`lms-bridge models ps\` and \`lms log stream --source runtime\`.`
      case "Timeout":
        return `${what}: ${sentence(this.serverMessage)} LMS_BRIDGE_LOAD_TIMEOUT sets the limit; a smaller model loads faster.`
      case "Ended":
        return `${what}: ${sentence(this.serverMessage)} The server's own output says why; a file that is cut short, or memory that is not enough, are the usual reasons.`
      case "NoRuntime":
        return `${what}.${serverSaid(this.serverMessage)} Install a runtime for its format in LM Studio's settings, or choose a model of another format.`
      default:
        return `${what}.${serverSaid(this.serverMessage)} Try a smaller context or GPU share, or look at \`lms log stream --source runtime\`.`
    }
  }
}

/** More context is asked for than the server gives the model, and only the server's own start can change that. */
export class ContextFixed extends Schema.TaggedError<ContextFixed>()("ContextFixed", {
  model: Schema.String,
  asked: Schema.NonNegativeInt,
  contextLength: Schema.NonNegativeInt
}) {
  readonly retryable = false
  override get message() {
    return `Model "${this.model}" gets ${this.contextLength} tokens of context on this server, not ${this.asked}: llama.cpp's router takes it from its own start and ignores what a load asks for. Start llama-server with \`-c ${this.asked}\`, or write \`ctx-size = ${this.asked}\` for this model into the file of --models-preset; or ask for at most ${this.contextLength}.`
  }
}

/** Recordings of earlier versions contain a number. */
const AsWritten = Schema.transform(Schema.Union(Schema.String, Schema.Number), Schema.String, {
  strict: true,
  decode: String,
  encode: (text) => text
})

/** The model stopped, was unloaded or crashed while it worked on this request. */
export class ModelCrashed extends Schema.TaggedError<ModelCrashed>()("ModelCrashed", {
  model: Schema.String,
  reason: Schema.Literal("Unloaded", "Crashed"),
  /** Verbatim: it may have more digits than a number can hold, or not be a number. */
  exitCode: optional(AsWritten),
  serverMessage: Schema.String
}) {
  /**
   * Sending the same request again would find no model, or load one without a TTL: `ModelLifecycle` ensures it first.
   */
  readonly retryable = false
  override get message() {
    const meaning = this.exitCode === undefined ? undefined : exitCodeMeaning(this.exitCode)
    return `Model "${this.model}" ${this.reason === "Unloaded" ? "was unloaded" : "crashed"} in the middle of the request.${serverSaid(this.serverMessage)}${meaning === undefined ? "" : ` That code means: ${meaning}.`} It can be loaded again with \`lms-bridge models ensure ${this.model}\`.`
  }
}
